"""Two-stream networks whose streams are fused between layers."""

import collections.abc
import os
import typing

import keras

from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import streams
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.applications.parts.fused_streams import FULLY_CONNECTED
from keras_vidrec.applications.parts.fused_streams import TOWERS
from keras_vidrec.applications.parts.fused_streams import FusedStreams
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import checks

# The endpoints of a tower in order. "fc8" are the class scores; "softmax" is
# the mean of two separate towers.
ENDPOINTS = ("relu2", "relu3", "relu4", "relu5", "fc6", "fc7", "fc8", "softmax")
FUSIONS = ("sum", "max", "concat", "conv", "bilinear", "conv3d")
_ON_SCORES = ("fc8", "softmax")
_NO_MAPS = ("fc6", "fc7", "fc8")
INITIALIZATIONS = ("identity", "random")

# Distances of the chunks in training, in frames (section 3.5).
_STRIDE = (1, 10)


@builder(test=PROTOCOLS["10x5_chunks"].test)
def TwoStreamFusion(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: dict[str, keras.KerasTensor] | None = None,
    input_shape: dict[str, tuple[int | None, ...]] | None = None,
    pooling: typing.Literal["avg", "max"] | None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"]
    | None = "softmax",
    name: str = "two_stream_fusion",
    *,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model] = "vgg16",
    fusion: str = "conv3d",
    fusion_layer: str | collections.abc.Sequence[str] = "relu5",
    fusion_initialization: typing.Literal["identity", "random"] = "identity",
    temporal_pooling: str | None = "max",
    keep_temporal_tower: bool = True,
    num_segments: int = 5,
    snippet_length: int = 10,
    dropout: float = 0.85,
    fusion_weights: collections.abc.Mapping[str, float] | None = None,
    scores: typing.Literal["logits", "probabilities"] = "logits",
    auxiliary_outputs: bool = False,
    from_streams: tuple[keras.Model, keras.Model] | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Two-stream fusion network: the flow stream is fused into the rgb stream.

    ```
    rgb chunks -- [rgb_tower] -- fusion -- pool over time -- [...] -- scores \\
                                /                                       mean
    flow chunks - [flow_tower] ----------- pool over time -- [...] -- scores /
    ```

    A clip consists of several segments of a video (chunks in the paper), each
    with a frame and the flow around it. Up to the endpoint of the fusion the
    streams process every segment separately. After it, the fused tower
    (`spatiotemporal`) replaces the rgb tower; the flow tower (`temporal`) ends
    there or continues, with its own loss.

    With `temporal_pooling="max"` the last maps of both are max-pooled over
    space and time: over `num_segments`, stride 2, and over space as the tower
    does (VGG-16: 2x2, stride 2), or 2x2 with stride 2 in towers without
    pooling. Longer clips give several outputs, which are averaged.

    The towers are inner models, named `rgb_tower` and `flow_tower` up to the
    first fusion, then `spatiotemporal_from_relu5`, `temporal_from_relu5` and so
    on. To freeze a tower, set `model.get_layer("rgb_tower").trainable = False`.

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
        name: str. Name of the model. Defaults to `"two_stream_fusion"`.
        backbone: str, a name known to `backbones.get`; `keras.Model`; or dict
            of these by stream. Networks that compute the features of images. A
            `keras.Model` goes from images to features or feature maps. Maps of
            the streams that differ by up to two rows or columns are padded with
            zeros. Defaults to `"vgg16"`.
        fusion: str. How the streams are fused. `"conv3d"`
            (`layers.ConvFusion3D`), or a mode of `layers.StreamFusion`:
            `"sum"`, `"max"`, `"concat"`, `"conv"`, `"bilinear"`. Not used with
            `fusion_layer="softmax"`. A bilinear fusion is followed by the
            classifier (the paper's is a linear SVM: build with
            `include_top=False` and train one on the features). Defaults to
            `"conv3d"`.
        fusion_layer: str, or tuple of str in their order. `"relu2"` ..
            `"relu5"`, `"fc6"`, `"fc7"`, `"fc8"` (class scores), or
            `"softmax"`: late fusion, the mean of two separate towers. Several
            as in table 2: `("relu5", "fc8")`, `("relu3", "relu5", "fc6")`.
            For a `keras.Model`: names of its layers, `"fc8"` or `"softmax"`; a
            dict by stream if the names differ. All later layers must depend on
            the output of the named layer only. Defaults to `"relu5"`.
        fusion_initialization: str. `"identity"`, or `"random"` for the
            convolution of `"conv"`. Defaults to `"identity"`.
        temporal_pooling: `None`, or str. How segments are combined. `"max"`:
            the maximum over space and time (3-D pooling). With `None` each is
            classified and the scores are averaged (2-D pooling). With a
            `keras.Model` the last maps of both streams are pooled. Defaults to
            `"max"`.
        keep_temporal_tower: bool. Whether the flow tower continues to its own
            scores. Defaults to `True`.
        num_segments: int. Segments of a clip in training. They are T in the
            paper, and pooled together. Defaults to `5`.
        snippet_length: int. Number of motion images in a snippet. They are L in
            the paper. Defaults to `10`.
        dropout: float in [0, 1). Rate of the dropout before the classifier. It
            is also that between the fully connected layers of the backbones.
            Defaults to `0.85`.
        fusion_weights: `None` (the same), or dict of positive numbers. Weights
            of the streams in the joint `predictions`. Keys are the towers
            `spatiotemporal` and `temporal`. Defaults to `None`.
        scores: str. What is averaged over the streams: `"logits"` or
            `"probabilities"`. Defaults to `"logits"`.
        auxiliary_outputs: bool. Whether to return the predictions of each
            stream too, for a loss on each. They are those of the towers;
            without top there are none. Defaults to `False`.
        from_streams: `None`, or pair `(rgb_model, flow_model)`. Trained
            networks of one stream to start from: every layer is copied by name,
            and new layers are logged. Defaults to `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and scales them for the backbones. Defaults to `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": clips, "flow": clips}`, each
        `(batch, num_segments, height, width, channels)`, to `(batch, classes)`.
        With auxiliary outputs and both towers to a dict of `predictions`,
        `spatiotemporal` and `temporal` with this shape. Without top to features
        `(batch, times, features)`, or with `pooling=None` to maps `(batch,
        times, height, width, filters)` (always features after a bilinear
        fusion); a dict of them by tower if both towers are kept.

    Raises:
        ValueError: on any invalid argument, or a fusion that is not possible
            at its endpoint.

    Example:

    ```python
    model = keras_vidrec.applications.TwoStreamFusion(classes=6)
    model.predict({"rgb": frames, "flow": motion})  # (batch, 6)
    ```

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1604.06573).
          Initialization and pooling follow the authors' code. Their counts of
          parameters (tables 1 and 2) assume two towers of 20 channels and a
          512 to 512 fusion; those here follow from 3 + 20 channels and 1024 to
          512.
    """
    checks.rate("dropout", dropout)
    towers = arguments.backbones_by_stream(backbone, STREAMS)
    own = any(isinstance(tower, keras.Model) for tower in towers.values())
    stops = _own_stops(fusion_layer) if own else _stops(fusion_layer)
    endpoints = tuple(stops)
    _check_choices(fusion, fusion_initialization, temporal_pooling)
    _check_fusion(fusion, endpoints, include_top, keep_temporal_tower, own)
    score_fusion = head.score_fusion(
        TOWERS if keep_temporal_tower else TOWERS[:1], fusion_weights, scores
    )
    spec = streams.chunks_spec(
        num_segments, snippet_length, _STRIDE, input_shape
    )
    clips = streams.clip_inputs(input_tensor, input_shape, spec)
    pixels = streams.preprocessed(clips, towers, include_preprocessing)

    fused = FusedStreams(
        pixels,
        towers,
        fusion=fusion,
        initialization=fusion_initialization,
        dropout=dropout,
    )
    pool_at = "relu5" if temporal_pooling == "max" and not own else None
    inside = [e for e in endpoints if e not in _ON_SCORES]
    if pool_at is not None:
        stops = {pool_at: dict.fromkeys(TOWERS, pool_at), **stops}
        inside = sorted({*inside, pool_at}, key=ENDPOINTS.index)
    for endpoint in inside:
        fused.walk_to(stops[endpoint])
        if endpoint in endpoints:
            fused.fuse(endpoint)
        if endpoint == endpoints[-1] and not keep_temporal_tower:
            fused.drop_temporal()
        if endpoint == pool_at:
            fused.pool_over_time(num_segments)
    if own and temporal_pooling == "max":
        fused.walk_to(None)
        fused.pool_over_time(num_segments)
    features = fused.features(pooling="avg" if include_top else pooling)
    if not include_top:
        outputs = features if len(features) > 1 else features[TOWERS[0]]
    else:
        logits = head.tower_logits(features, classes=classes, dropout=dropout)
        if endpoints[-1] == "fc8":
            logits[TOWERS[0]] = fused.fused_scores(*logits.values())
        if not keep_temporal_tower:
            logits.pop(TOWERS[1], None)
        outputs = head.fused_head(
            logits,
            fusion=score_fusion,
            activation=classifier_activation,
            clip_spec=spec,
            auxiliary_outputs=auxiliary_outputs,
        )
    return head.finish(clips, outputs, name=name)


def _stops(fusion_layer):
    """Returns the endpoints at which the streams are fused, in order: a dict,
    by the name of the fusion, of dicts of the endpoint by tower."""
    several = isinstance(fusion_layer, (tuple, list))
    endpoints = tuple(fusion_layer) if several else (fusion_layer,)
    order = [ENDPOINTS.index(e) for e in endpoints if e in ENDPOINTS]
    rising = order == sorted(set(order)) and len(order) == len(endpoints)
    checks.check(
        rising and order and (len(order) == 1 or endpoints[-1] != "softmax"),
        "fusion_layer",
        f"one of {ENDPOINTS}, or several of the first seven in this order",
        fusion_layer,
    )
    return {e: dict.fromkeys(TOWERS, e) for e in endpoints}


def _own_stops(fusion_layer):
    """As `_stops`, if a tower is a `keras.Model`: endpoints are names of its
    layers, whose order is checked when the tower is built."""
    by_stream = fusion_layer
    if not isinstance(fusion_layer, dict):
        by_stream = dict.fromkeys(STREAMS, fusion_layer)
    by_stream = arguments.by_stream("fusion_layer", by_stream, STREAMS)
    lists = [
        tuple(given) if isinstance(given, (tuple, list)) else (given,)
        for given in by_stream.values()
    ]
    checks.check(
        len(lists[0]) == len(lists[1]) > 0
        and all(isinstance(e, str) for given in lists for e in given),
        "fusion_layer",
        "the name of a layer, or a tuple of such names; or a dict of as many "
        f"for each of {STREAMS}",
        fusion_layer,
    )
    return {both[0]: dict(zip(TOWERS, both)) for both in zip(*lists)}


def _check_choices(fusion, initialization, temporal_pooling):
    checks.choice("fusion", fusion, FUSIONS)
    checks.choice("fusion_initialization", initialization, INITIALIZATIONS)
    checks.check(
        temporal_pooling in (None, "max"),
        "temporal_pooling",
        '"max", or None to average the scores of the segments',
        temporal_pooling,
    )
    if initialization == "random" and fusion != "conv":
        raise ValueError(
            'fusion_initialization="random" is for fusion="conv". Received: '
            f"fusion={fusion!r}"
        )


def _check_fusion(fusion, endpoints, include_top, keep_temporal_tower, own):
    connected = [endpoint for endpoint in endpoints if endpoint in _NO_MAPS]
    if connected and not own and fusion not in FULLY_CONNECTED:
        raise ValueError(
            f"fusion={fusion!r} needs maps, and {connected[0]} has none. "
            f"Expected one of {FULLY_CONNECTED}. Received: "
            f"fusion_layer={endpoints}"
        )
    if fusion == "bilinear" and len(endpoints) > 1:
        raise ValueError(
            'fusion="bilinear" leaves no map to fuse again. Expected a single '
            f"endpoint. Received: fusion_layer={endpoints}"
        )
    if "fc8" in endpoints and (fusion == "concat" or not include_top):
        raise ValueError(
            "At fc8 class scores are fused. Expected "
            'include_top=True and a fusion of "sum", "max" or "conv". '
            f"Received: fusion={fusion!r}, include_top={include_top}"
        )
    if endpoints == ("softmax",) and not keep_temporal_tower:
        raise ValueError(
            'fusion_layer="softmax" is the mean of two towers. Expected '
            "keep_temporal_tower=True. Received: keep_temporal_tower=False"
        )
