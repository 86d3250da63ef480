"""EfficientNet-Lite: inverted residual blocks without gates."""

import collections
import math
import types

import keras
from keras import layers

from keras_vidrec.layers.batch_normalization import BatchNormalization

STEM_FILTERS = 32
HEAD_FILTERS = 1280
EPSILON = 1e-3

# A stage of the smallest network: size of the depthwise kernels, stride of the
# first block, expansion of the filters inside blocks, filters, and number of
# blocks.
Stage = collections.namedtuple(
    "Stage", "kernel_size strides expansion filters blocks"
)
STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
# Endpoints by the number of the stage: after it the image is halved, or there
# is no further stage.
STAGE_ENDS = types.MappingProxyType(
    {2: "relu2", 3: "relu3", 5: "relu4", 7: "relu5"}
)

# Factors for the width and depth of the variants.
Scale = collections.namedtuple("Scale", "width depth")
VARIANTS = types.MappingProxyType(
    {
        "efficientnet_lite0": Scale(1.0, 1.0),
        "efficientnet_lite1": Scale(1.0, 1.1),
        "efficientnet_lite2": Scale(1.1, 1.2),
        "efficientnet_lite3": Scale(1.2, 1.4),
        "efficientnet_lite4": Scale(1.4, 1.8),
    }
)

_MULTIPLE = 8
_LEAST = 0.9
_LETTERS = "abcdefgh"


def stages(variant):
    """Returns the stages of a variant: tuple of `Stage`. Filters are multiples
    of 8; the first and last stage have one block in all variants."""
    scale = VARIANTS[variant]
    ends = (STAGES[0], STAGES[-1])
    return tuple(
        stage._replace(
            filters=_round(scale.width * stage.filters),
            blocks=stage.blocks
            if stage in ends
            else math.ceil(scale.depth * stage.blocks),
        )
        for stage in STAGES
    )


def blocks(variant):
    """Returns a list of pairs of the name of a block, such as `"block1a"`, and
    its `Stage`, in the order of the network."""
    return [
        (f"block{number}{_LETTERS[position]}", stage)
        for number, stage in enumerate(stages(variant), start=1)
        for position in range(stage.blocks)
    ]


def efficientnet_lite(x, variant):
    """Builds the stem, the seven stages and the head of an EfficientNet-Lite.

    Images are padded as by TensorFlow's "same". Activations are ReLU6; the
    output of a block has no activation. Layers have the names of EfficientNet
    in `keras.applications`: `stem_conv`, `stem_bn`, `stem_activation`,
    `block1a_dwconv`, `block1a_bn`, `block1a_activation`,
    `block1a_project_conv`, `block1a_project_bn`, `block2a_expand_conv`, ...,
    `block2b_add`, ..., `top_conv`, `top_bn`, `top_activation`. The authors'
    stochastic depth is not used.

    This generator stops at its endpoints, see `Walk`: the end of every block,
    `block1a` .. `block7a`; the ends of the stages before the image is halved,
    `relu2` .. `relu5` (strides 4, 8, 16, 32; they have the names of the other
    backbones' endpoints, although there is no activation); and
    `top_activation`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`.
        variant: str. A key of `VARIANTS`.

    Returns:
        Feature map `(batch, height / 32, width / 32, 1280)`, each size
        rounded up.

    Reference:
        - [Tan and Le, 2019](https://arxiv.org/abs/1905.11946), section 4
    """
    x = _convolution(x, STEM_FILTERS, 3, 2, "stem_conv")
    x = _activation(_normalization(x, "stem_bn"), "stem_activation")
    filters = STEM_FILTERS
    last = None
    for name, stage in blocks(variant):
        number = int(name[len("block")])
        if number != last and last in STAGE_ENDS:
            x = yield STAGE_ENDS[last], x
        strides = stage.strides if number != last else 1
        x = _block(x, filters, stage, strides, name)
        x = yield name, x
        filters, last = stage.filters, number
    x = yield STAGE_ENDS[last], x
    x = _convolution(x, HEAD_FILTERS, 1, 1, "top_conv")
    x = _activation(_normalization(x, "top_bn"), "top_activation")
    return (yield "top_activation", x)


def _round(filters):
    """Returns the nearest multiple of 8 that is at least 90 % of `filters`."""
    nearest = int(filters + _MULTIPLE / 2) // _MULTIPLE * _MULTIPLE
    nearest = max(_MULTIPLE, nearest)
    return nearest if nearest >= _LEAST * filters else nearest + _MULTIPLE


def _convolution(x, filters, kernel_size, strides, name):
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _normalization(x, name):
    return BatchNormalization(momentum=0.9, epsilon=EPSILON, name=name)(x)


def _activation(x, name):
    return layers.Activation("relu6", name=name)(x)


def _block(x, filters, stage, strides, name):
    shortcut = x
    if stage.expansion > 1:
        wide = stage.expansion * filters
        x = _convolution(x, wide, 1, 1, f"{name}_expand_conv")
        x = _normalization(x, f"{name}_expand_bn")
        x = _activation(x, f"{name}_expand_activation")
    x = layers.DepthwiseConv2D(
        stage.kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        # He initialization: each filter has one input channel, which Keras
        # counts as "fan_out".
        depthwise_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="truncated_normal"
        ),
        name=f"{name}_dwconv",
    )(x)
    x = _activation(_normalization(x, f"{name}_bn"), f"{name}_activation")
    x = _convolution(x, stage.filters, 1, 1, f"{name}_project_conv")
    x = _normalization(x, f"{name}_project_bn")
    if strides == 1 and filters == stage.filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x
