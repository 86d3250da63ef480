"""Spatio-Temporal Fusion Network."""

import collections.abc
import os
import typing

import keras

from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import streams as parts
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.layers import cross_stream_fusion
from keras_vidrec.layers.cross_stream_fusion import CrossStreamFusion
from keras_vidrec.layers.res_inc_block import KERNEL_SIZES
from keras_vidrec.layers.res_inc_block import ResIncBlock
from keras_vidrec.layers.res_inc_block import check_kernel_sizes
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import checks

VARIANTS = ("a", "b", "c")
TEMPORAL_POOLINGS = ("avg", "max")


@builder(test=PROTOCOLS["5_sequences"].test)
def STFN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor
    | dict[str, keras.KerasTensor]
    | None = None,
    input_shape: tuple[int | None, ...]
    | dict[str, tuple[int | None, ...]]
    | None = None,
    pooling: typing.Literal["avg", "max"] | None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"]
    | None = "softmax",
    name: str = "stfn",
    *,
    num_segments: int = 7,
    features: int = 2048,
    variant: str = "a",
    fusion: typing.Literal["avg", "max", "multiply"] = "avg",
    direction: typing.Literal[
        "both", "appearance_to_motion", "motion_to_appearance"
    ] = "both",
    feature_weights: collections.abc.Mapping[str, float]
    | collections.abc.Sequence[float]
    | None = None,
    num_blocks: int = 2,
    block_kernel_sizes: collections.abc.Sequence[int] = KERNEL_SIZES,
    block_reduction: int | None = None,
    temporal_pooling: str = "avg",
    fusion_weights: collections.abc.Mapping[str, float] | None = None,
    scores: typing.Literal["logits", "probabilities"] = "probabilities",
    dropout: float = 0.0,
    auxiliary_outputs: bool = False,
    streams: collections.abc.Sequence[str] = STREAMS,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model]
    | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Spatio-Temporal Fusion Network: two streams of features are convolved
    over time, fused, and convolved again.

    ```
    rgb --- [Res-Inc] -- \\          / -- [Res-Inc] -- mean -- scores \\
                          fuse (G) --                                mean
    flow -- [Res-Inc] -- /          \\ -- [Res-Inc] -- mean -- scores /
    ```

    Each segment of a video has the features of a frame and of the 10 flow
    images around it. Residual Inception blocks convolve the sequences of both
    streams over the segments, and a fusion combines them. Second blocks and a
    classifier follow in each stream (equation 1).

    Variants (figure 4):

    - `"a"`: as above. With a fusion in one direction (figure 5a), the other
      stream continues with its own sequence, its second block and its
      classifier.
    - `"b"`: without the second blocks. If fused in both directions, both
      classifiers get the same sequence.
    - `"c"`: the features of both streams are concatenated, followed by one
      block with the same number of filters, a quarter for each kernel, and one
      classifier. `fusion` and `direction` do not apply.

    Experiments that the paper describes in the text only are arguments too:

    - `num_blocks`: with 3 and 4 consecutive blocks instead of 2 the accuracy
      drops by 3.8 and 6.5 % on HMDB51, by 4.1 and 6.9 % on UCF101 (section
      4.3). Their positions are not stated; here all but the first one follow
      the fusion.
    - `block_kernel_sizes` and `block_reduction`: other kernels, and
      convolutions of 1 segment before them, are worse (section 3.2, without
      figures).
    - `feature_weights`: weighted means are worse (section 4.4, without
      figures).

    The authors have not published code. What the paper does not state was
    chosen as follows:

    - Convolutions keep the number of segments by zeros at both ends; see
      `layers.ResIncBlock` on even kernels, biases and initialization. The
      blocks of the streams share no weights.
    - A classifier (H) is a fully connected layer, one per stream, on the mean
      over the segments of the output of the last block, or on the maximum with
      `temporal_pooling="max"`.
    - The sum of two softmax in equation 1 is computed as their mean, which
      ranks classes equally and is a probability. The input of `predictions` is
      its logarithm, and the loss is the cross-entropy of the mean. With
      `scores="logits"` the mean of the logits is used instead. With
      `auxiliary_outputs` the loss is the sum of the cross-entropies of the
      streams.
    - The paper states no dropout, so there is none by default.

    The test uses 5 sequences of a video, sequence k with frame k of each
    segment, whose scores are averaged (section 4.2).

    Args:
        include_top: bool. Whether to include the classifier. Defaults to
            `True`.
        weights: `None` (random initialization), `"imagenet"` (towers from
            `weights.imagenet`, all else random), the path of a `.weights.h5`
            file, or the name of a published network from `vidrec presets`, or
            of its dataset, such as `"kinetics400"`, with these arguments and
            classes. Initial weights. Defaults to `None`.
        input_tensor: `None`, or dict of KerasTensors by stream; of one stream,
            the tensor. Tensors to use instead of a new input. Defaults to
            `None`.
        input_shape: `None`, or dict of tuples by stream; of one stream, the
            tuple. Shape of a clip without the batch, None for unknown sizes.
            They are `(num_segments, features)`, the last one known, or with a
            backbone `(num_segments, height, width, channels)`. Defaults to any
            number of `features`.
        pooling: `None`, `"avg"` or `"max"`. Only without top: pooling of the
            input of the classifier. It is the features of the segments.
            Defaults to `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits), `"softmax"`, or `"sigmoid"` for
            several labels per clip. Activation of the class scores. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to `"stfn"`.
        num_segments: int. Segments of a clip in training. The network takes any
            number. Defaults to `7`, the best one of table 4 (5 in all others).
        features: int. Features of a segment in each stream without a backbone.
            At least one for each kernel. Defaults to `2048`.
        variant: str. Which of the networks that the paper compares. `"a"`,
            `"b"` or `"c"`. Defaults to `"a"`.
        fusion: str. How the streams are fused. `"avg"`, `"max"` or
            `"multiply"`. Defaults to `"avg"`.
        direction: str. Which stream changes which: `"motion_to_appearance"`,
            `"appearance_to_motion"` or `"both"`. Defaults to `"both"`.
        feature_weights: `None` (the same), dict of positive numbers, or
            `"trained"`. Weights of the streams in the fusion `"avg"`, with the
            keys `rgb` and `flow`; `"trained"` weights are initialized as 1.
            Defaults to `None`.
        num_blocks: int. Blocks of each stream in variant `"a"`: one before the
            fusion, the others after it. At least 2; variant `"b"` has one.
            Defaults to `2`.
        block_kernel_sizes: sequence of int. Kernel sizes of the convolutions of
            a block in segments, all different. Defaults to `(2, 3, 4, 5)`.
        block_reduction: `None` (no reduction), or int. Number of features to
            which a convolution of 1 segment reduces the input of each of these
            convolutions. Defaults to `None`.
        temporal_pooling: str. How segments are combined. `"avg"` or `"max"`
            over them, before the classifiers. Defaults to `"avg"`.
        fusion_weights: `None` (the same), or dict of positive numbers. Weights
            of the streams in the joint `predictions`. Keys are `rgb` and
            `flow`. Defaults to `None`.
        scores: str. What is averaged over the streams: `"logits"` or
            `"probabilities"`. Defaults to `"probabilities"`.
        dropout: float in [0, 1). Rate of the dropout before the classifier.
            Defaults to `0.0`.
        auxiliary_outputs: bool. Whether to return the predictions of each
            stream too, for a loss on each. Defaults to `False`.
        streams: tuple of str. `"rgb"`, `"flow"` or both. A single stream is not
            fused. Defaults to both.
        backbone: `None`, or str, a name known to `backbones.get`;
            `keras.Model`; or dict of these by stream. Networks that compute the
            features of images. A `keras.Model` goes from images to features or
            feature maps. They are included as the towers `rgb_tower` and
            `flow_tower`: the input is then `(batch, num_segments, height,
            width, channels)`, 3 channels of rgb, 20 of 10 flow images. With
            `None` the input is features. Defaults to `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and scales them for the backbones. Defaults to `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": features, "flow": features}`,
        each `(batch, num_segments, features)`, or from the tensor of one
        stream, to `(batch, classes)`; with auxiliary outputs to a dict of
        `predictions`, `rgb` and `flow` with this shape. Without top to a dict
        by stream of sequences `(batch, num_segments, features)`, or, with
        `pooling`, of vectors `(batch, features)`; for a single stream or
        variant `"c"` to one of them.

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.STFN(classes=6)
    model.predict({"rgb": x, "flow": y})  # (batch, 7, 2048) each
    ```

    Reference:
        - [Cho and Foroosh, 2018](https://arxiv.org/abs/1906.06822);
          `training.recipes.tables.rows("stfn")` has the arguments of the rows
          of tables 1 to 4 and of sections 3.2, 4.3 and 4.4.
    """
    checks.rate("dropout", dropout)
    streams = arguments.check_streams(streams)
    towers = arguments.backbones_by_stream(backbone, streams, True)
    checks.count("num_segments", num_segments)
    checks.count("features", features)
    checks.choice("variant", variant, VARIANTS)
    checks.choice("fusion", fusion, cross_stream_fusion.OPERATIONS)
    checks.choice("direction", direction, cross_stream_fusion.DIRECTIONS)
    checks.count("num_blocks", num_blocks, 2)
    with checks.names(kernel_sizes="block_kernel_sizes"):
        check_kernel_sizes(block_kernel_sizes)
    if block_reduction is not None:
        checks.count("block_reduction", block_reduction)
    checks.choice("temporal_pooling", temporal_pooling, TEMPORAL_POOLINGS)
    fused_scores = head.score_fusion(
        streams if variant != "c" else ("streams",), fusion_weights, scores
    )
    _check_fusion(streams, variant, fusion, direction, auxiliary_outputs)
    fuse = _fusion(streams, variant, fusion, direction, feature_weights)
    checks.check(
        variant == "a" or num_blocks == 2,
        "num_blocks",
        f"2 with variant={variant!r}: only variant a has more blocks",
        num_blocks,
    )
    spec, inputs, found = parts.sequences(
        towers,
        "uniform",
        num_segments=num_segments,
        num_steps=None,
        features=features,
        input_tensor=input_tensor,
        input_shape=input_shape,
        include_preprocessing=include_preprocessing,
    )
    _check_features(found, variant, block_kernel_sizes)

    def blocks(found, number):
        """Applies a new Res-Inc block to each stream."""
        return {
            stream: ResIncBlock(
                x.shape[-1],
                block_kernel_sizes,
                block_reduction,
                name=f"{stream}_res_inc_{number}",
            )(x)
            for stream, x in found.items()
        }

    if variant == "c":
        found = {"streams": parts.joined(found)}
    found = blocks(found, 1)
    if len(found) > 1:
        fused = fuse([found[stream] for stream in STREAMS])
        fused = dict(zip(STREAMS, fused))
        found = {stream: fused[stream] for stream in found}
    if variant == "a":
        for number in range(2, num_blocks + 1):
            found = blocks(found, number)

    if not include_top:
        outputs = {
            stream: parts.pooled_steps(x, pooling, stream)
            for stream, x in found.items()
        }
        if len(outputs) == 1:
            (outputs,) = outputs.values()
    else:
        found = {
            stream: parts.pooled_steps(
                x, temporal_pooling, f"{stream}_segments"
            )
            for stream, x in found.items()
        }
        if len(found) == 1:
            (x,) = found.values()
            outputs = head.class_head(
                x,
                classes=classes,
                dropout=dropout,
                activation=classifier_activation,
                clip_spec=spec,
            )
        else:
            outputs = head.fused_head(
                head.tower_logits(found, classes=classes, dropout=dropout),
                fusion=fused_scores,
                activation=classifier_activation,
                clip_spec=spec,
                auxiliary_outputs=auxiliary_outputs,
            )
    return head.finish(inputs, outputs, name=name)


def _fusion(streams, variant, fusion, direction, feature_weights):
    """Returns the layer that fuses two streams of features; `None` for a single
    stream or variant `"c"`."""
    if len(streams) < 2 or variant == "c":
        checks.check(
            feature_weights is None,
            "feature_weights",
            f"None, because nothing is fused with variant={variant!r} and "
            f"streams={streams}",
            feature_weights,
        )
        return None
    if isinstance(feature_weights, dict):
        checks.check(
            set(feature_weights) == set(STREAMS),
            "feature_weights",
            f'None, "trained", or a dict of {STREAMS}',
            feature_weights,
        )
        feature_weights = tuple(feature_weights[stream] for stream in STREAMS)
    with checks.names(operation="fusion"):
        return CrossStreamFusion(
            fusion, direction, feature_weights, name="fusion"
        )


def _check_fusion(streams, variant, fusion, direction, auxiliary_outputs):
    fused = len(streams) == 2 and variant != "c"
    if not fused and (fusion, direction) != ("avg", "both"):
        raise ValueError(
            "Only variants a and b with two streams are fused. Expected the "
            'defaults fusion="avg" and direction="both". Received: '
            f"fusion={fusion!r}, direction={direction!r} with "
            f"variant={variant!r} and streams={streams}"
        )
    if not fused and auxiliary_outputs:
        raise ValueError(
            "There is a single classifier. Expected auxiliary_outputs=False. "
            f"Received: auxiliary_outputs={auxiliary_outputs} with "
            f"variant={variant!r} and streams={streams}"
        )
    if variant == "c" and len(streams) < 2:
        raise ValueError(
            'Variant "c" concatenates two streams. Expected both. Received: '
            f"streams={streams}"
        )


def _check_features(found, variant, block_kernel_sizes):
    numbers = {stream: x.shape[-1] for stream, x in found.items()}
    if variant != "c" and len({*numbers.values()}) > 1:
        raise ValueError(
            "Streams are fused element by element. Expected the same number "
            f"of features in both. Received: {numbers}"
        )
    if any(number < len(block_kernel_sizes) for number in numbers.values()):
        raise ValueError(
            "The kernels of a block share its filters. Expected at least "
            f"{len(block_kernel_sizes)} features. Received: {numbers}"
        )
