"""Spatiotemporal multiplier networks, and the connections they compare."""

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import two_streams
from keras_vidrec.applications.parts.tower_styles import tower_styles
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.multiplicative_gate import MultiplicativeGate
from keras_vidrec.layers.temporal_identity_conv import TemporalIdentityConv
from keras_vidrec.layers.temporal_max_pooling import TemporalMaxPooling

CONNECTIONS = ("residual", "direct", None)
INTERACTIONS = ("multiply", "add")
# Pairs of the stream that is changed and the one it is changed by.
DIRECTIONS = {
    "motion_to_appearance": (("rgb", "flow"),),
    "appearance_to_motion": (("flow", "rgb"),),
    "bidirectional": (("rgb", "flow"), ("flow", "rgb")),
}
STAGES = (2, 3, 4, 5)
TEMPORAL_FILTERS = ("residual_all", "residual_last", "skip", None)
INITIALIZATIONS = ("center", "average")

# Distances of the chunks in training, in frames (section 4.1).
_STRIDE = (5, 35)


def SpatiotemporalMultiplier(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=101,
    classifier_activation="softmax",
    name="spatiotemporal_multiplier",
    *,
    backbone="resnet50",
    temporal_backbone=None,
    connection="residual",
    interaction="multiply",
    direction="motion_to_appearance",
    temporal_filters="residual_all",
    temporal_initialization="center",
    temporal_pooling=True,
    num_chunks=5,
    snippet_length=10,
    dropout=0.8,
    fusion_weights=None,
    scores="logits",
    auxiliary_outputs=False,
    from_streams=None,
    style=None,
    include_preprocessing=True,
):
    """Spatiotemporal multiplier network: motion gates appearance in residual
    units, and both streams look along time.

    ```
    rgb chunks --- [stem] -- [stage 2] -- ... -- [stage 5] -- max -- scores
                                 x                   x                 mean
    flow chunks -- [stem] -- [stage 2] -- ... -- [stage 5] -- max -- scores
    ```

    A clip is some chunks of a video: a frame and the flow around it at each.
    In the second residual unit of each stage, what enters the residual branch
    of the appearance stream is `x_a * relu(x_m)`: the sum of its first unit,
    before the ReLU, times the output of the motion stream's first unit
    (equation 5; with `interaction="add"` equation 2). Convolutions over the
    chunks, which begin as identities, stand inside the same units.

    The network is convolutional in space and time: built with unknown sizes,
    it classifies whole frames of a clip of any number of chunks in one pass
    and averages over all positions.

    Layers have the names of the towers' own with the prefix `rgb_` or
    `flow_`: `rgb_res2b_branch2a`, `flow_res5b_temporal`.

    Args:
        include_top: bool. Whether to end in class scores. Defaults to `True`.
        weights: `None` (random initialization), `"imagenet"` (the towers
            from those of `keras.applications`, all else random) or the path
            of a `.weights.h5` file. Defaults to `None`.
        input_tensor: `None`, or dict of KerasTensors `rgb` and `flow`, which
            come from inputs of these names. Defaults to `None`.
        input_shape: `None`, or dict of tuples `(num_chunks, height, width,
            channels)` for `rgb` (3 channels) and `flow`
            (`2 * snippet_length`); None for unknown sizes. Defaults to all
            but the channels unknown.
        pooling: `None`, `"avg"` or `"max"`. Only without top: what becomes of
            the last maps. Defaults to `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits) or `"softmax"`. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to
            `"spatiotemporal_multiplier"`.
        backbone: str. Residual network of the appearance stream: `"tiny"`,
            `"resnet50"`, `"resnet101"` or `"resnet152"`. Defaults to
            `"resnet50"`.
        temporal_backbone: `None` (the same), or str. That of the motion
            stream. Defaults to `None`.
        connection: `None` (two separate streams), or str: `"residual"` (into
            the residual branch, figures 2c to 2e) or `"direct"` (into the
            path that all that follows shares, figures 2a and 2b). Defaults to
            `"residual"`.
        interaction: str. `"multiply"` or `"add"`. Defaults to `"multiply"`.
        direction: str. `"motion_to_appearance"`, `"appearance_to_motion"` or
            `"bidirectional"`. Defaults to `"motion_to_appearance"`.
        temporal_filters: `None`, or str: where filters over time stand, in
            both streams. `"residual_all"`: after the 3x3 convolution and its
            ReLU in the second unit of each stage; `"residual_last"`: there in
            stage 5 only; `"skip"`: after the last unit of each stage. (The
            double dagger, section sign and dagger of tables 1 and 3.)
            Defaults to `"residual_all"`.
        temporal_initialization: str. `"center"` or `"average"`. Defaults to
            `"center"`.
        temporal_pooling: bool. Whether to take the maximum over each
            `num_chunks` chunks in turn before the classifier; otherwise each
            chunk is classified and the scores are averaged. Defaults to
            `True`.
        num_chunks: int. Chunks of a training clip. Defaults to `5`.
        snippet_length: int. Flow images in a chunk. Defaults to `10`.
        dropout: float in [0, 1). Before the classifiers. Defaults to `0.8`.
        fusion_weights: `None` (the same), or dict of positive numbers for
            `rgb` and `flow`: what their scores count in the joint
            `predictions`. Defaults to `None`.
        scores: str. `"logits"` or `"probabilities"`: what of the streams is
            averaged. Defaults to `"logits"`.
        auxiliary_outputs: bool. Whether to return the predictions of each
            stream too, for a loss on each. Defaults to `False`.
        from_streams: `None`, or pair `(rgb_model, flow_model)` of trained
            networks of one stream to start from: every layer is copied by
            name, and what is new is logged. Defaults to `None`.
        style: `None`, or str: `"pytorch"`, `"caffe"` or `"msra"` for the
            backbones that are ResNets; the pixels follow it. `None` means
            `"pytorch"`, with `weights="imagenet"` `"caffe"`. Defaults to
            `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and brings them to the range of the backbones. Defaults to `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": clips, "flow": clips}`, each
        `(batch, num_chunks, height, width, channels)`, to `(batch, classes)`;
        with auxiliary outputs to a dict `predictions`, `rgb`, `flow` of these.
        Without top to a dict by stream of features `(batch, times, features)`,
        or with `pooling=None` of maps `(batch, times, height, width,
        filters)`.

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.SpatiotemporalMultiplier(classes=6)
    model.predict({"rgb": frames, "flow": motion})  # (batch, 6)
    ```

    Reference:
        - [Feichtenhofer et al., 2017](https://doi.org/10.1109/CVPR.2017.787).
          Places of the gates and filters follow the authors' code, which is
          for depth 50; for other depths they stand in the same units.
    """
    arguments.check_common(
        include_top, weights, pooling, classes, classifier_activation
    )
    arguments.check_head("average", None, dropout)
    names = _residual_backbones(backbone, temporal_backbone)
    styles = tower_styles(names, style, weights)
    for argument, value, choices in (
        ("connection", connection, CONNECTIONS),
        ("interaction", interaction, INTERACTIONS),
        ("direction", direction, tuple(DIRECTIONS)),
        ("temporal_filters", temporal_filters, TEMPORAL_FILTERS),
        ("temporal_initialization", temporal_initialization, INITIALIZATIONS),
        ("temporal_pooling", temporal_pooling, (True, False)),
    ):
        if value not in choices:
            raise ValueError(
                f"Invalid `{argument}`. Expected one of {choices}. Received: "
                f"{argument}={value!r}"
            )
    score_fusion = two_streams.score_fusion(
        two_streams.STREAMS, fusion_weights, scores
    )
    two_streams.check_pair(from_streams)
    spec = two_streams.clip_spec(
        num_chunks, snippet_length, _STRIDE, input_shape
    )
    clips = two_streams.clip_inputs(input_tensor, input_shape, spec)
    pixels = two_streams.preprocessed(
        clips, names, styles, include_preprocessing
    )
    walks = {
        stream: backbones.Walk(
            names[stream],
            two_streams.fold(pixels[stream], stream),
            style=styles[stream],
            prefix=f"{stream}_",
        )
        for stream in two_streams.STREAMS
    }

    def filter_over_time(stream, place, filter_name):
        x = walks[stream].to(place)
        prefix = f"{stream}_{filter_name}"
        x = two_streams.unfold(x, clips[stream], prefix)
        x = TemporalIdentityConv(
            3, temporal_initialization, name=f"{prefix}_temporal"
        )(x)
        walks[stream].put(two_streams.fold(x, prefix))

    for stage in STAGES:
        units = {
            stream: backbones.find(names[stream]).units[stage][1]
            for stream in walks
        }
        if connection is not None:
            _connect(walks, stage, units, connection, interaction, direction)
        for stream, unit in units.items():
            if temporal_filters == "residual_all" or (
                temporal_filters == "residual_last" and stage == STAGES[-1]
            ):
                place = f"res{unit}_branch2b_relu"
                filter_over_time(stream, place, f"res{unit}")
            elif temporal_filters == "skip":
                filter_over_time(stream, f"relu{stage}", f"relu{stage}")

    features = {}
    for stream, walk in walks.items():
        x = two_streams.unfold(walk.to(), clips[stream], f"{stream}_maps")
        if temporal_pooling:
            x = TemporalMaxPooling(num_chunks, name=f"{stream}_pool_time")(x)
        features[stream] = two_streams.pooled(
            x, "avg" if include_top else pooling, stream
        )
    if include_top:
        logits = {
            stream: two_streams.tower_logits(
                x, stream, classes=classes, dropout=dropout
            )
            for stream, x in features.items()
        }
        outputs = two_streams.outputs(
            logits,
            fusion=score_fusion,
            activation=classifier_activation,
            clip_spec=spec,
            auxiliary_outputs=auxiliary_outputs,
        )
    else:
        outputs = features
    model = arguments.finish(clips, outputs, name=name, weights=weights)
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            layer.momentum = 0.95  # that of the authors' code
    if from_streams is not None:
        two_streams.start_from(model, from_streams)
    return model


def _connect(walks, stage, units, connection, interaction, direction):
    """Joins the streams in the second unit of a stage."""
    sums = {s: walk.to(f"res{stage}a") for s, walk in walks.items()}
    if connection == "residual":
        outputs = {s: walk.to(f"res{stage}a_relu") for s, walk in walks.items()}
    else:
        # The sums are replaced, and with them the walks' own outputs.
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


def _residual_backbones(backbone, temporal_backbone):
    names = two_streams.check_backbones(backbone, temporal_backbone)
    for stream, name in names.items():
        if backbones.find(name).units is None:
            raise ValueError(
                "Gates stand in residual units. Expected a backbone of "
                f"{backbones.residual_names()}. Received for {stream}: {name!r}"
            )
    if len({*names.values()}) > 1 and "tiny" in names.values():
        raise ValueError(
            'Gates need maps of the same size. Expected "tiny" for both '
            f"streams or none. Received: {names}"
        )
    return names
