"""The two-stream network that the papers compare with."""

import collections.abc
import os
import typing

import keras

from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.applications.parts.head import score_fusion
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.applications.tsn import TSN
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks


@builder
def TwoStreamConvNet(
    include_top: typing.Literal[True] = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: None = None,
    input_shape: dict[str, tuple[int | None, ...]] | None = None,
    pooling: None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"] = "softmax",
    name: str = "two_stream_convnet",
    *,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model] = "vgg_m_2048",
    snippet_length: int = 10,
    spatial_pooling: int | None = None,
    dropout: float = 0.9,
    fusion_weights: collections.abc.Mapping[str, float] | None = None,
    from_streams: tuple[keras.Model, keras.Model] | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Two-stream network: a single frame and a stack of flow images, with late
    fusion of their scores.

    This is the baseline of all papers: two `TSN` networks with one segment, and
    the `LateFusion` of their scores. Its streams are trained separately, as
    `TSN`, and passed as `from_streams`. In a test, scores of several frames are
    averaged, usually 25.

    Args:
        include_top: only `True`, because the scores are fused.
        weights: `None` (random initialization), `"imagenet"` (towers from
            `weights.imagenet`, all else random), the path of a `.weights.h5`
            file, or the name of a published network from `vidrec presets`, or
            of its dataset, such as `"kinetics400"`, with these arguments and
            classes. Initial weights. Defaults to `None`.
        input_tensor: only `None`.
        input_shape: `None`, or dict of tuples by stream. Shape of a clip
            without the batch, None for unknown sizes. They are `(num_segments,
            height, width, channels)`. Defaults to all but the channels unknown.
        pooling: only `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `"softmax"`, or `"sigmoid"` for several labels
            per clip. Activation of the class scores. Defaults to `"softmax"`.
        name: str. Name of the model. Defaults to `"two_stream_convnet"`.
        backbone: str, a name known to `backbones.get`; `keras.Model`; or dict
            of these by stream. Networks that compute the features of images. A
            `keras.Model` goes from images to features or feature maps. Defaults
            to `"vgg_m_2048"`.
        snippet_length: int. Number of motion images in a snippet. Defaults to
            `10`.
        spatial_pooling: `None` (global average), or int. Side of the window of
            the spatial average. See `TSN`. Defaults to `None`.
        dropout: float in [0, 1). Rate of the dropout before the classifier. It
            is also used between the fully connected layers of the backbones.
            Defaults to `0.9`.
        fusion_weights: `None` (the same), or dict of positive numbers. Weights
            of the streams in the joint `predictions`. Keys are `rgb` and
            `flow`. Defaults to `None`.
        from_streams: `None`, or pair `(rgb_model, flow_model)`. Trained
            networks of one stream to start from: every layer is copied by name,
            and new layers are logged. Defaults to `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and scales them for the backbones. Defaults to `True`.

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
    ):
        checks.check(
            value is expected or value == expected,
            argument,
            f"{expected!r}, because two streams are fused by their scores",
            value,
        )
    checks.choice(
        "classifier_activation", classifier_activation, ("softmax", "sigmoid")
    )
    shapes = arguments.by_stream("input_shape", input_shape, STREAMS)
    score_fusion(STREAMS, fusion_weights, "logits")
    lengths = {"rgb": 1, "flow": snippet_length}
    towers = arguments.backbones_by_stream(backbone, STREAMS)
    networks: dict[str, keras.Model] = {}
    for stream in STREAMS:
        network = TSN(
            input_shape=shapes[stream],
            classes=classes,
            classifier_activation=classifier_activation,
            name=stream,
            backbone=towers[stream],
            modality=stream,
            snippet_length=lengths[stream],
            spatial_pooling=spatial_pooling,
            dropout=dropout,
            include_preprocessing=include_preprocessing,
        )
        scores = network.get_layer("predictions")
        # Section 5 of the paper: the smallest side becomes 256 pixels.
        scores.clip_spec = scores.clip_spec.replace(
            num_segments=1, frame=FrameSpec()
        )
        networks[stream] = network
    return LateFusion(networks, fusion_weights, name=name)
