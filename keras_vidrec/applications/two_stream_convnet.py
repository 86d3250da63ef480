"""The two-stream network that the papers start from."""

from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import two_streams
from keras_vidrec.applications.parts.tower_styles import tower_styles
from keras_vidrec.applications.tsn import TSN


def TwoStreamConvNet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=101,
    classifier_activation="softmax",
    name="two_stream_convnet",
    *,
    backbone="vgg_m_2048",
    temporal_backbone=None,
    snippet_length=10,
    dropout=0.9,
    fusion_weights=None,
    from_streams=None,
    style=None,
    include_preprocessing=True,
):
    """Two-stream network: a single frame, a stack of flow, fused at the end.

    Two one-segment `TSN` networks and the `LateFusion` of their scores: the
    baseline that every paper compares with. Its streams are trained alone, as
    `TSN`, and fused: `from_streams` takes them. In a test, scores of several
    frames are averaged, 25 as usual.

    Args:
        include_top: bool. Only `True`: scores are what is fused.
        weights: `None` (random initialization), `"imagenet"` (the towers
            from those of `keras.applications`, all else random) or the path
            of a `.weights.h5` file. Defaults to `None`.
        input_tensor: only `None`.
        input_shape: `None`, or dict of tuples `(num_segments, height, width,
            channels)` for `rgb` and `flow`. Defaults to all but the channels
            unknown.
        pooling: only `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: only `"softmax"`.
        name: str. Name of the model. Defaults to `"two_stream_convnet"`.
        backbone: str, or `keras.Model`, of the rgb stream. Defaults to
            `"vgg_m_2048"`.
        temporal_backbone: `None` (the same), or str or `keras.Model`.
            Defaults to `None`.
        snippet_length: int. Flow images in a stack. Defaults to `10`.
        dropout: float in [0, 1). Defaults to `0.9`.
        fusion_weights: `None` (the same), or dict of positive numbers for
            `rgb` and `flow`: what their logits count. Defaults to `None`.
        from_streams: `None`, or pair `(rgb_model, flow_model)` of trained
            networks of one stream to start from. Defaults to `None`.
        style: `None`, or str: `"pytorch"`, `"caffe"` or `"msra"` for the
            backbones that are ResNets; the pixels follow it. `None` means
            `"pytorch"`, with `weights="imagenet"` `"caffe"`. Defaults to
            `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and brings them to the range of the backbones. Defaults to `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": clips, "flow": clips}`, each
        `(batch, num_segments, height, width, channels)`, to probabilities
        `(batch, classes)`.

    Raises:
        ValueError: on any invalid argument.

    Reference:
        - [Simonyan and Zisserman, 2014](https://arxiv.org/abs/1406.2199).
    """
    for argument, value, expected in (
        ("include_top", include_top, True),
        ("input_tensor", input_tensor, None),
        ("pooling", pooling, None),
        ("classifier_activation", classifier_activation, "softmax"),
    ):
        if value is not expected and value != expected:
            raise ValueError(
                "Two streams are fused by their scores. Expected "
                f"{argument}={expected!r}. Received: {argument}={value!r}"
            )
    arguments.check_common(
        include_top, weights, pooling, classes, classifier_activation
    )
    two_streams.check_shapes("input_shape", input_shape)
    score_fusion = two_streams.score_fusion(
        two_streams.STREAMS, fusion_weights, "logits"
    )
    two_streams.check_pair(from_streams)
    lengths = {"rgb": 1, "flow": snippet_length}
    towers = {"rgb": backbone, "flow": temporal_backbone or backbone}
    styles = tower_styles(towers, style, weights)
    networks = {}
    for stream in two_streams.STREAMS:
        network = TSN(
            input_shape=input_shape and input_shape[stream],
            classes=classes,
            name=stream,
            backbone=towers[stream],
            modality=stream,
            snippet_length=lengths[stream],
            dropout=dropout,
            style=styles[stream],
            include_preprocessing=include_preprocessing,
        )
        scores = network.get_layer("predictions")
        scores.clip_spec = scores.clip_spec.replace(num_segments=1)
        networks[stream] = network
    model = LateFusion(networks, score_fusion.stream_weights, name=name)
    arguments.load(model, weights)
    if from_streams is not None:
        two_streams.start_from(model, from_streams)
    return model
