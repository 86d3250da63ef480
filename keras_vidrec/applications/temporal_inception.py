"""Temporal-Inception, and the temporal ConvNets of the same paper."""

import collections.abc
import os
import typing

import keras
from keras import ops

from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import streams as parts
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.multi_flow import MultiFlow
from keras_vidrec.layers.temporal_conv import TemporalConv
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import checks

VARIANTS = ("inception", "vgg", "multi_flow_vgg")
DOWNSAMPLINGS = ("max_pool", "stride")
REDUCTIONS = ("avg", "max")
REDUCTION_AT = ("end", "module")

# Pool sizes over time: 25 steps become 12, 6, 3 and, in the fourth layer, 1.
_POOL_SIZE = 2
_FOURTH_POOL_SIZE = 3

# `None`: all stored frames of a video.
_TEST = PROTOCOLS["25x1"].test.replace(num_segments=None)


@builder(whole_video=True, test=_TEST)
def TemporalInception(
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
    name: str = "temporal_inception",
    *,
    num_segments: int = 25,
    features: int = 2048,
    num_layers: int = 4,
    variant: str = "inception",
    kernel_sizes: collections.abc.Sequence[int] = (5, 7),
    downsampling: typing.Literal["max_pool", "stride"] = "max_pool",
    reduction: collections.abc.Sequence[int | str] = (4, 2, 1),
    reduction_at: typing.Literal["end", "module"] = "end",
    factorized: bool = False,
    fc_units: int | None = 1024,
    batch_norm: bool = True,
    dropout: float = 0.2,
    streams: collections.abc.Sequence[str] = STREAMS,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model]
    | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Temporal-Inception: convolutions over time with several kernel sizes, on
    the features of the frames of a video.

    ```
    rgb --- \\           / kernel 5 \\        x4
             rows x time             concat ---- 1x1 -- fc -- scores
    flow -- /           \\ kernel 7 /
    ```

    The features of all streams are the rows of an image whose columns are the
    frames. Kernels extend over time and are shared by all rows. Each module has
    parallel flows with different kernel sizes, 1, 2, 4 and 8 filters (doubled
    in each module), batch normalization before ReLU, and pooling that reduces
    25 frames to 12, 6, 3 and 1 (by 2, in the fourth module by 3, but never by
    more than the number of frames). 1x1 convolutions reduce the channels to
    one, and a fully connected layer computes the vector for the classifier.

    Variants (figure 4): `"vgg"` is a stack of single flows with 1 filter.
    `"multi_flow_vgg"` has such a stack with its own fully connected layer for
    each kernel size, and concatenates their outputs. Both have a single
    channel, as in the authors' code, and need no reduction.

    Dropout before the fully connected layer drops channels, as in the authors'
    code: after a reduction to a single channel, all features of a video are
    dropped at once. The authors' code also has a weight decay of 0.1, which is
    not part of the network but of its recipe.

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
            backbone `(num_segments, height, width, channels)`. Streams may have
            different numbers of features. Defaults to `num_segments` and
            `features`.
        pooling: `None`, `"avg"` or `"max"`. Only without top: pooling of the
            input of the classifier. It is one vector per video, so this has no
            effect. Defaults to `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits), `"softmax"`, or `"sigmoid"` for
            several labels per clip. Activation of the class scores. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to `"temporal_inception"`.
        num_segments: int. Segments of a clip in training. They are the frames
            of the paper. Defaults to `25`.
        features: int. Features of a segment in each stream without a backbone.
            Defaults to `2048`.
        num_layers: int. Number of modules, or of layers of a stack. Defaults to
            `4`.
        variant: str. Which of the networks that the paper compares.
            `"inception"`, `"vgg"` or `"multi_flow_vgg"`. Defaults to
            `"inception"`.
        kernel_sizes: tuple of int. Kernel size of each flow in frames; `"vgg"`
            uses the first one only. `(5,)` is the paper's narrow network.
            Defaults to `(5, 7)`.
        downsampling: str. `"max_pool"`, or `"stride"` of the convolutions.
            Defaults to `"max_pool"`.
        reduction: tuple of int, `"avg"` or `"max"`. How the channels of
            `"inception"` are reduced: by 1x1 convolutions to these numbers,
            each with batch normalization and ReLU (numbers that are not smaller
            than the number of channels, in networks with few layers, are
            skipped), or by their mean or maximum. `()`: they are not reduced.
            Defaults to `(4, 2, 1)`.
        reduction_at: str. `"end"`: after the last module; `"module"`:
            after each one. Defaults to `"end"`.
        factorized: bool. Whether stacks of kernels of 3 replace the kernels.
            Defaults to `False`.
        fc_units: `None` (without), or int. Units of a fully connected layer. It
            makes one vector of the last maps. Defaults to `1024`.
        batch_norm: bool. Whether to normalize before each ReLU. Defaults to
            `True`.
        dropout: float in [0, 1). Rate of the dropout before the classifier. It
            is also that before the fully connected layer. Defaults to `0.2`.
        streams: tuple of str. `"rgb"`, `"flow"` or both. Defaults to both.
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
        stream, to `(batch, classes)`. Without top to the input of the
        classifier, `(batch, fc_units)`.

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.TemporalInception(classes=6)
    model.predict({"rgb": x, "flow": y})  # (batch, 25, 2048) each
    ```

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), section 3.3 and
          tables 4, 8, 9 and 10; `training.recipes.tables.rows("ts_lstm")` has
          the arguments of their rows. Filters, pools and 1x1 convolutions
          follow the authors' code.
    """
    checks.rate("dropout", dropout)
    streams = arguments.check_streams(streams)
    towers = arguments.backbones_by_stream(backbone, streams, True)
    checks.count("num_segments", num_segments)
    checks.count("features", features)
    checks.count("num_layers", num_layers)
    if fc_units is not None:
        checks.count("fc_units", fc_units)
    checks.choice("variant", variant, VARIANTS)
    checks.choice("downsampling", downsampling, DOWNSAMPLINGS)
    checks.choice("reduction_at", reduction_at, REDUCTION_AT)
    _check_kernels(kernel_sizes)
    _check_reduction(reduction)
    spec, inputs, found = parts.sequences(
        towers,
        "feature_grid",
        alignment="centered_late",
        num_segments=num_segments,
        num_steps=num_segments,
        features=features,
        input_tensor=input_tensor,
        input_shape=input_shape,
        include_preprocessing=include_preprocessing,
    )

    x = parts.joined(found)
    x = keras.layers.Permute((2, 1), name="rows")(x)
    x = keras.layers.Reshape((*x.shape[1:], 1), name="image")(x)
    convolution: dict[str, typing.Any] = {
        "downsampling": downsampling,
        "factorized": factorized,
        "batch_norm": batch_norm,
    }
    if variant == "inception":
        for number, pool_size in enumerate(_pools(num_segments, num_layers), 1):
            x = MultiFlow(
                2 ** (number - 1),
                tuple(kernel_sizes),
                pool_size=pool_size,
                name=f"multi_flow_{number}",
                **convolution,
            )(x)
            if reduction_at == "module":
                x = _reduced(x, reduction, batch_norm, f"multi_flow_{number}")
        if reduction_at == "end":
            x = _reduced(x, reduction, batch_norm, "reduction")
        x = _connected(x, fc_units, batch_norm, dropout, "")
    else:
        flows = []
        number_of_flows = 1 if variant == "vgg" else len(kernel_sizes)
        for flow, size in enumerate(kernel_sizes[:number_of_flows], 1):
            y = x
            for number, pool in enumerate(_pools(num_segments, num_layers), 1):
                y = TemporalConv(
                    1,
                    size,
                    pool_size=pool,
                    name=f"flow_{flow}_conv_{number}",
                    **convolution,
                )(y)
            flows.append(
                _connected(y, fc_units, batch_norm, dropout, f"flow_{flow}_")
            )
        x = flows[0]
        if len(flows) > 1:
            x = keras.layers.Concatenate(name="flows")(flows)
    if include_top:
        x = head.class_head(
            x,
            classes=classes,
            # Without a fully connected layer, dropout was applied just before.
            dropout=0.0 if fc_units is None else dropout,
            activation=classifier_activation,
            clip_spec=spec,
        )
    return head.finish(inputs, x, name=name)


def _pools(num_segments, num_layers):
    """Yields the pool size of each layer."""
    steps = num_segments
    for number in range(1, num_layers + 1):
        wanted = _FOURTH_POOL_SIZE if number == 4 else _POOL_SIZE
        size = min(wanted, steps)
        steps //= size
        yield size


def _reduced(x, reduction, batch_norm, name):
    """Reduces the channels of maps."""
    if reduction == "avg":
        return ops.mean(x, axis=-1, keepdims=True)
    if reduction == "max":
        return ops.max(x, axis=-1, keepdims=True)
    for filters in reduction:
        if filters < x.shape[-1]:
            x = TemporalConv(
                filters,
                kernel_size=1,
                downsampling=None,
                batch_norm=batch_norm,
                name=f"{name}_to_{filters}",
            )(x)
    return x


def _connected(x, fc_units, batch_norm, dropout, prefix):
    """Computes one vector from a map."""
    x = keras.layers.SpatialDropout2D(
        dropout, data_format="channels_last", name=f"{prefix}spatial_dropout"
    )(x)
    x = keras.layers.Flatten(name=f"{prefix}flatten")(x)
    if fc_units is None:
        return x
    x = keras.layers.Dense(
        fc_units,
        use_bias=not batch_norm,
        kernel_initializer="he_normal",
        name=f"{prefix}fc",
    )(x)
    if batch_norm:
        x = BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=f"{prefix}fc_bn"
        )(x)
    return keras.layers.Activation("relu", name=f"{prefix}fc_relu")(x)


def _check_kernels(kernel_sizes):
    checks.check(
        isinstance(kernel_sizes, (tuple, list)) and kernel_sizes,
        "kernel_sizes",
        "one or more integers in a tuple, one for each flow",
        kernel_sizes,
    )
    for size in kernel_sizes:
        checks.count("kernel_sizes", size)


def _check_reduction(reduction):
    if reduction in REDUCTIONS:
        return
    checks.check(
        isinstance(reduction, (tuple, list)),
        "reduction",
        f"one of {REDUCTIONS} or a tuple of numbers of filters",
        reduction,
    )
    for filters in reduction:
        checks.count("reduction", filters)
