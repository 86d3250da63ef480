"""Temporal Segment Networks."""

import collections.abc
import os
import typing

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import streams
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.rgb_difference import RGBDifference
from keras_vidrec.layers.segments import FoldSegments
from keras_vidrec.layers.segments import UnfoldSegments
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks

# The authors' frames and flow: `extract_optical_flow.sh` and `build_of.py`.
_FRAME = FrameSpec("340x256")


@builder(frame=_FRAME)
def TSN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: typing.Literal["avg", "max"] | None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"]
    | None = "softmax",
    name: str = "tsn",
    *,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model] = "bn_inception",
    modality: typing.Literal["rgb", "rgb_diff", "flow", "warped_flow"] = "rgb",
    num_segments: int | None = None,
    snippet_length: int | None = None,
    consensus: typing.Literal["avg", "max", "weighted", "top_k"] = "avg",
    spatial_pooling: int | None = None,
    dropout: float | None = None,
    classifier_stddev: float = 0.001,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Temporal Segment Network: one 2-D network classifies a snippet from each
    of several segments of the video, and their scores are combined by a
    consensus.

    ```
    segment 1 -- snippet -- [tower] -- scores \\
    segment 2 -- snippet -- [tower] -- scores -- consensus -- softmax
    segment K -- snippet -- [tower] -- scores /
    ```

    The towers share their weights. The consensus acts on class scores before
    the activation, so snippets and segments can be averaged, or streams be
    fused, on logits. The frame size and the number of segments may be left
    open: trained with 3 segments of 224 pixels, the same model is tested with
    25 and on whole frames.

    Args:
        include_top: bool. Whether to include the classifier. Defaults to
            `True`.
        weights: `None` (random initialization), `"imagenet"` (towers from
            `weights.imagenet`, all else random), the path of a `.weights.h5`
            file, or the name of a published network from `vidrec presets`, or
            of its dataset, such as `"kinetics400"`, with these arguments and
            classes. Initial weights. Defaults to `None`.
        input_tensor: `None`, or KerasTensor. Tensors to use instead of a new
            input. Its shape is `(batch, num_segments, height, width,
            channels)`. Defaults to `None`.
        input_shape: `None`, or tuple. Shape of a clip without the batch, None
            for unknown sizes. It is `(num_segments, height, width, channels)`;
            channels are 3 for rgb, `3 * (snippet_length + 1)` for rgb_diff, `2
            * snippet_length` for the flows. Defaults to all but the channels
            unknown.
        pooling: `None`, `"avg"` or `"max"`. Only without top: pooling of the
            input of the classifier. It is the feature map of the tower.
            Defaults to `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits), `"softmax"`, or `"sigmoid"` for
            several labels per clip. Activation of the class scores. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to `"tsn"`.
        backbone: str, a name known to `backbones.get`; `keras.Model`; or dict
            of these by stream. Networks that compute the features of images. A
            `keras.Model` goes from images to features or feature maps. Defaults
            to `"bn_inception"`.
        modality: str. `"rgb"`, `"rgb_diff"`, `"flow"` or `"warped_flow"`.
            Defaults to `"rgb"`.
        num_segments: `None` (any number), or int. Segments of a clip in
            training. It must be known for `consensus="weighted"`. Defaults to
            `None`.
        snippet_length: `None`, or int. Number of motion images in a snippet.
            They are differences of frames or flow. `None` means 1 for rgb, else
            5. Defaults to `None`.
        consensus: str. A mode of `layers.ConsensusLayer`. Defaults to
            `"avg"`.
        spatial_pooling: `None` (global average), or int. Side of the window of
            the spatial average. On larger maps the window slides by one
            position at a time, and the classifier's scores are averaged over
            its positions, so that positions near the border of whole frames
            have less weight, in every test and export. It is 7 in the ResNets
            of ST-Multiplier. Not for a `keras.Model` that outputs features. Not
            used with `pooling="max"`. Defaults to `None`.
        dropout: `None`, or float in [0, 1). Rate of the dropout before the
            classifier. It is also used between the fully connected layers of
            backbones that have them. `None` means 0.8 for rgb and 0.7
            otherwise. Defaults to `None`.
        classifier_stddev: float > 0. Standard deviation of the random weights
            of the classifier, whose biases start at 0. Defaults to `0.001`, as
            in TSN's program; the programs of Two-Stream Fusion and ST-ResNet
            have 0.01.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and scales them for the backbones. For `"rgb_diff"` also whether it
            takes frames and computes the differences itself. Defaults to
            `True`.

    Returns:
        A functional `keras.Model` from clips `(batch, num_segments, height,
        width, channels)` to `(batch, classes)`; without top to
        `(batch, num_segments, features)`, or with `pooling=None` to
        `(batch, num_segments, height, width, features)`.

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.TSN(classes=6, backbone="resnet50")
    model.predict(clips)  # uint8 (batch, 3, 224, 224, 3) -> (batch, 6)
    ```

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859). Follows the
          authors' Caffe release; dropout ratios from section 3.2.
    """
    towers = arguments.backbones_by_stream(backbone, (modality,))
    if snippet_length is None:
        snippet_length = 1 if modality == "rgb" else 5
    if input_shape is not None and num_segments is None:
        num_segments = input_shape[0]
    if dropout is None:
        dropout = 0.8 if modality == "rgb" else 0.7
    if num_segments is not None:
        checks.count("num_segments", num_segments)
    checks.count("snippet_length", snippet_length)
    checks.rate("dropout", dropout)
    checks.positive("classifier_stddev", classifier_stddev)
    with checks.names(mode="consensus"):
        ConsensusLayer(consensus)
    if consensus == "weighted" and num_segments is None:
        raise ValueError(
            'consensus="weighted" trains one weight per segment. Expected a '
            "known number of segments. Received: num_segments=None"
        )
    spec = ClipSpec(
        modalities=(modality,),
        num_segments=num_segments or 3,
        snippet_length=snippet_length,
        frame=_FRAME,
        size=streams.image_size(input_shape),
    )
    takes_frames = include_preprocessing or modality != "rgb_diff"
    frame_channels = spec.channels(modality)
    tower_channels = frame_channels - 3 * (modality == "rgb_diff")
    clips = streams.clip_input(
        input_tensor,
        input_shape,
        num_segments=num_segments,
        channels=frame_channels if takes_frames else tower_channels,
        name="video",
    )
    tower = backbones.get(
        towers[modality],
        channels=tower_channels,
        pooling="avg" if include_top else pooling,
        spatial_pooling=spatial_pooling,
        name=modality,
        dropout=dropout,
    )

    x = clips
    if include_preprocessing and modality == "rgb_diff":
        x = RGBDifference(name="rgb_difference")(x)
    if include_preprocessing:
        x = streams.preprocess(x, towers[modality], modality)
    x = FoldSegments(name="fold_segments")(x)
    x = tower(x)
    x = UnfoldSegments(name="unfold_segments")(x, clips)
    if include_top:
        x = head.class_head(
            x,
            classes=classes,
            dropout=dropout,
            activation=classifier_activation,
            clip_spec=spec,
            consensus=consensus,
            stddev=classifier_stddev,
        )
    return head.finish(clips, x, name=name)
