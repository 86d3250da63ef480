"""Spatiotemporal multiplier networks, and the connections they compare."""

import collections.abc
import os
import typing

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import streams
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.multiplicative_gate import MultiplicativeGate
from keras_vidrec.layers.temporal_identity_conv import TemporalIdentityConv
from keras_vidrec.layers.temporal_identity_conv import TemporalWidenedConv
from keras_vidrec.layers.temporal_max_pooling import TemporalMaxPooling
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import checks

CONNECTIONS = ("residual", "direct", None)
INTERACTIONS = ("multiply", "add")
# Pairs of the stream that is changed and the one it is changed by.
DIRECTIONS = {
    "motion_to_appearance": (("rgb", "flow"),),
    "appearance_to_motion": (("flow", "rgb"),),
    "both": (("rgb", "flow"), ("flow", "rgb")),
}
STAGES = (2, 3, 4, 5)
TEMPORAL_FILTERS = ("residual_all", "residual_last", "skip", "widened", None)
INITIALIZATIONS = ("center", "avg")

# Distances of the chunks in training, in frames (section 4.1).
_STRIDE = (5, 35)


@builder(test=PROTOCOLS["25xframe"].test)
def SpatiotemporalMultiplier(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: dict[str, keras.KerasTensor] | None = None,
    input_shape: dict[str, tuple[int | None, ...]] | None = None,
    pooling: typing.Literal["avg", "max"] | None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"]
    | None = "softmax",
    name: str = "spatiotemporal_multiplier",
    *,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model] = "resnet50",
    connection: str | None = "residual",
    interaction: typing.Literal["multiply", "add"] = "multiply",
    direction: str = "motion_to_appearance",
    temporal_filters: str | None = "residual_all",
    temporal_initialization: typing.Literal["center", "avg"] = "center",
    temporal_pooling: str | None = "max",
    spatial_pooling: int | None = 7,
    num_segments: int = 5,
    snippet_length: int = 10,
    dropout: float | collections.abc.Mapping[str, float] | None = None,
    fusion_weights: collections.abc.Mapping[str, float] | None = None,
    scores: typing.Literal["logits", "probabilities"] = "logits",
    auxiliary_outputs: bool = False,
    from_streams: tuple[keras.Model, keras.Model] | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Spatiotemporal multiplier network: motion features multiply appearance
    features in residual units, and both streams have temporal filters.

    ```
    rgb chunks --- [stem] -- [stage 2] -- ... -- [stage 5] -- max -- scores
                                 x                   x                 mean
    flow chunks -- [stem] -- [stage 2] -- ... -- [stage 5] -- max -- scores
    ```

    A clip consists of several segments of a video (chunks in the paper), each
    with a frame and the flow around it. In the second residual unit of each
    stage, the input of the residual branch of the appearance stream is `x_a *
    relu(x_m)`: the sum of its first unit, before the ReLU, times the output of
    the motion stream's first unit (equation 5; with `interaction="add"`
    equation 2). The same units contain convolutions over the segments, which
    are initialized as identities.

    The network is convolutional in space and time. Built with unknown sizes, it
    classifies whole frames of a clip with any number of segments in one pass,
    and averages over all positions of the windows of `spatial_pooling` in space
    and `temporal_pooling` in time.

    Layers have the names of the backbone's layers with the prefix `rgb_` or
    `flow_`: `rgb_res2b_branch2a`, `flow_res5b_temporal`.

    Args:
        include_top: bool. Whether to include the classifier. Defaults to
            `True`.
        weights: `None` (random initialization), `"imagenet"` (towers from
            `weights.imagenet`, all else random), the path of a `.weights.h5`
            file, or the name of a published network from `vidrec presets`, or
            of its dataset, such as `"kinetics400"`, with these arguments and
            classes. Initial weights. Defaults to `None`.
        input_tensor: `None`, or dict of KerasTensors by stream. Tensors to use
            instead of a new input. They come from inputs named `rgb` and
            `flow`. Defaults to `None`.
        input_shape: `None`, or dict of tuples by stream. Shape of a clip
            without the batch, None for unknown sizes. They are `(num_segments,
            height, width, channels)`, for `rgb` with 3 channels and for `flow`
            with `2 * snippet_length`. Defaults to all but the channels unknown.
        pooling: `None`, `"avg"` or `"max"`. Only without top: pooling of the
            input of the classifier. It is the last maps. Defaults to `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits), `"softmax"`, or `"sigmoid"` for
            several labels per clip. Activation of the class scores. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to
            `"spatiotemporal_multiplier"`.
        backbone: str, a name known to `backbones.get`; `keras.Model`; or dict
            of these by stream. Networks that compute the features of images.
            Here, one with residual units: `"tiny"`, or a ResNet such as
            `"resnet50"`; no `keras.Model`. Defaults to `"resnet50"`.
        connection: `None` (two separate streams), or str: `"residual"` (into
            the residual branch only, figures 2c to 2e) or `"direct"` (also into
            the shortcut, figures 2a and 2b). Defaults to `"residual"`.
        interaction: str. `"multiply"` or `"add"`. Defaults to `"multiply"`.
        direction: str. Which stream changes which: `"motion_to_appearance"`,
            `"appearance_to_motion"` or `"both"`. Defaults to
            `"motion_to_appearance"`.
        temporal_filters: `None` (none), or str: positions of the filters over
            time in both streams. `"residual_all"`: after the 3x3 convolution
            and its ReLU in the second unit of each stage; `"residual_last"`:
            the same in stage 5 only; `"skip"`: after the last unit of each
            stage. (The double dagger, section sign and dagger of tables 1 and
            3.) `"widened"`: the 1x1 convolutions of the second unit of each
            stage span three segments, as in `STResNet`. Defaults to
            `"residual_all"`.
        temporal_initialization: str. `"center"` or `"avg"`. Defaults to
            `"center"`.
        temporal_pooling: `None`, or str. How segments are combined. `"max"`:
            the maximum over each `num_segments` of them in turn, before the
            classifier. With `None` each is classified and the scores are
            averaged. Defaults to `"max"`.
        spatial_pooling: `None` (global average), or int. Side of the window of
            the spatial average. On larger maps the window slides by one
            position at a time, and the classifier's scores are averaged over
            its positions, so that positions near the border of whole frames
            have less weight, in every test and export. Crops of 224 pixels give
            maps of 7 x 7, which a window of 7 covers completely. Not used with
            `pooling="max"`. Defaults to `7`.
        num_segments: int. Segments of a clip in training. The papers call them
            chunks. Defaults to `5`.
        snippet_length: int. Number of motion images in a snippet. Defaults to
            `10`.
        dropout: `None`, or float in [0, 1), or dict of these by stream. Rate of
            the dropout before the classifier. `None`: 0.8 for flow and none for
            rgb, as in the authors' code (section 4.1 states it for flow).
            Defaults to `None`.
        fusion_weights: `None` (the same), or dict of positive numbers. Weights
            of the streams in the joint `predictions`. Keys are `rgb` and
            `flow`. Defaults to `None`.
        scores: str. What is averaged over the streams: `"logits"` or
            `"probabilities"`. Defaults to `"logits"`.
        auxiliary_outputs: bool. Whether to return the predictions of each
            stream too, for a loss on each. Defaults to `False`.
        from_streams: `None`, or pair `(rgb_model, flow_model)`. Trained
            networks of one stream to start from: every layer is copied by name,
            and new layers are logged. Defaults to `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and scales them for the backbones. Defaults to `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": clips, "flow": clips}`, each
        `(batch, num_segments, height, width, channels)`, to `(batch, classes)`;
        with auxiliary outputs to a dict of `predictions`, `rgb` and `flow` with
        this shape. Without top to a dict by stream of features `(batch, times,
        features)`, or, with `pooling=None`, of maps `(batch, times, height,
        width, filters)`.

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.SpatiotemporalMultiplier(classes=6)
    model.predict({"rgb": frames, "flow": motion})  # (batch, 6)
    ```

    Reference:
        - [Feichtenhofer et al., 2017](https://doi.org/10.1109/CVPR.2017.787).
          The positions of the gates and filters follow the authors' code, which
          is for depth 50; for other depths they are in the same units.
    """
    if dropout is None:
        dropout = {"rgb": 0.0, "flow": 0.8}
    checks.rates("dropout", dropout, STREAMS)
    names = _residual_backbones(backbone)
    checks.choice("connection", connection, CONNECTIONS)
    checks.choice("interaction", interaction, INTERACTIONS)
    checks.choice("direction", direction, tuple(DIRECTIONS))
    checks.choice("temporal_filters", temporal_filters, TEMPORAL_FILTERS)
    checks.choice(
        "temporal_initialization", temporal_initialization, INITIALIZATIONS
    )
    checks.check(
        temporal_pooling in (None, "max"),
        "temporal_pooling",
        '"max", or None to average the scores of the segments ("avg" of their '
        "features would give the same logits)",
        temporal_pooling,
    )
    if spatial_pooling is not None:
        checks.count("spatial_pooling", spatial_pooling)
    fusion = head.score_fusion(STREAMS, fusion_weights, scores)
    spec = streams.chunks_spec(
        num_segments, snippet_length, _STRIDE, input_shape
    )
    clips = streams.clip_inputs(input_tensor, input_shape, spec)
    pixels = streams.preprocessed(clips, names, include_preprocessing)
    walks = {
        stream: backbones.Walk(
            names[stream],
            streams.fold(pixels[stream], stream),
            prefix=f"{stream}_",
        )
        for stream in STREAMS
    }

    def filter_over_time(stream, endpoint, filter_name):
        x = walks[stream].to(endpoint)
        prefix = f"{stream}_{filter_name}"
        x = streams.unfold(x, clips[stream], prefix)
        x = TemporalIdentityConv(
            3, temporal_initialization, name=f"{prefix}_temporal"
        )(x)
        walks[stream].put(streams.fold(x, prefix))

    def widen(stream, before, convolution):
        # The convolution of single images is built, but not used.
        x = walks[stream].to(before)
        plain = walks[stream].to(convolution)._keras_history.operation
        x = streams.unfold(x, clips[stream], plain.name)
        x = TemporalWidenedConv(
            plain.filters,
            temporal_initialization,
            plain.use_bias,
            name=plain.name,
        )(x)
        walks[stream].put(streams.fold(x, plain.name))

    for stage in STAGES:
        units = {
            stream: (backbones.find(names[stream]).units or {})[stage][1]
            for stream in walks
        }
        if connection is not None:
            _connect(walks, stage, units, connection, interaction, direction)
        for stream, unit in units.items():
            if temporal_filters == "residual_all" or (
                temporal_filters == "residual_last" and stage == STAGES[-1]
            ):
                endpoint = f"res{unit}_branch2b_relu"
                filter_over_time(stream, endpoint, f"res{unit}")
            elif temporal_filters == "widened":
                first, last = f"res{unit}_branch2a", f"res{unit}_branch2c"
                widen(stream, f"{first}_input", first)
                widen(stream, f"res{unit}_branch2b_relu", last)
            elif temporal_filters == "skip":
                filter_over_time(stream, f"relu{stage}", f"relu{stage}")

    features = {}
    for stream, walk in walks.items():
        x = streams.unfold(walk.to(), clips[stream], f"{stream}_maps")
        if temporal_pooling is not None:
            x = TemporalMaxPooling(num_segments, name=f"{stream}_pool_time")(x)
        features[stream] = streams.pooled_maps(
            x, "avg" if include_top else pooling, stream, spatial_pooling
        )
    if include_top:
        outputs = head.fused_head(
            head.tower_logits(features, classes=classes, dropout=dropout),
            fusion=fusion,
            activation=classifier_activation,
            clip_spec=spec,
            auxiliary_outputs=auxiliary_outputs,
        )
    else:
        outputs = features
    model = head.finish(clips, outputs, name=name)
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            layer.momentum = 0.95  # that of the authors' code
    return model


def _connect(walks, stage, units, connection, interaction, direction):
    """Connects the streams in the second unit of a stage."""
    sums = {s: walk.to(f"res{stage}a") for s, walk in walks.items()}
    if connection == "residual":
        outputs = {s: walk.to(f"res{stage}a_relu") for s, walk in walks.items()}
    else:
        # The ReLU of the backbone follows the replaced sum, so the gate has
        # its own ReLU.
        outputs = {
            s: keras.layers.Activation("relu", name=f"{s}_res{stage}a_gate")(x)
            for s, x in sums.items()
        }
    for changed, by in DIRECTIONS[direction]:
        joined = MultiplicativeGate(
            interaction, name=f"{changed}_res{units[changed]}_gate"
        )([sums[changed], outputs[by]])
        if connection == "residual":
            walks[changed].to(f"res{units[changed]}_branch2a_input")
        walks[changed].put(joined)


def _residual_backbones(backbone):
    """Returns the names of the backbones by stream; raises a `ValueError` if
    one has no residual units."""
    names = arguments.backbones_by_stream(backbone, STREAMS)
    for stream, name in names.items():
        known = backbones.residual_names()
        checks.check(
            name in known,
            "backbone",
            f"one of {known} for {stream}, because the gates are in residual "
            "units, which other backbones and a keras.Model do not have",
            name,
        )
    checks.check(
        "tiny" not in names.values() or set(names.values()) == {"tiny"},
        "backbone",
        '"tiny" for both streams or none, because gates need maps of the same '
        "size",
        names,
    )
    return names
