"""GoogLeNet: Inception without batch normalization."""

import collections
import types

from keras import layers

from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.local_response_normalization import (
    LocalResponseNormalization,
)
from keras_vidrec.layers.spatial_pooling import CaffePooling

# Filters of a block's convolutions, branch by branch: `point` is the 1x1
# branch, the pairs are a reduction and the 3x3 or 5x5 convolution after it.
Block = collections.namedtuple("Block", "point three five projection")

BLOCKS = types.MappingProxyType(
    {
        "3a": Block(64, (96, 128), (16, 32), 32),
        "3b": Block(128, (128, 192), (32, 96), 64),
        "4a": Block(192, (96, 208), (16, 48), 64),
        "4b": Block(160, (112, 224), (24, 64), 64),
        "4c": Block(128, (128, 256), (24, 64), 64),
        "4d": Block(112, (144, 288), (32, 64), 64),
        "4e": Block(256, (160, 320), (32, 128), 128),
        "5a": Block(256, (160, 320), (32, 128), 128),
        "5b": Block(384, (192, 384), (48, 128), 128),
    }
)

# The last block of each stage, and the pooling that follows it.
STAGE_ENDS = types.MappingProxyType(
    {"3b": "pool3_3x3_s2", "4e": "pool4_3x3_s2", "5b": None}
)


def googlenet(x):
    """Builds the stem and the nine blocks of GoogLeNet.

    The layers are those of Caffe's release without the auxiliary classifiers:
    every convolution has a bias and is followed by ReLU; pooling rounds sizes
    up; the stem has local response normalization. Layers have Caffe's names
    with `_` instead of `/`: `conv1_7x7_s2`, `conv1_relu_7x7`, `pool1_norm1`,
    `inception_3a_5x5_reduce`, ..., `inception_5b_output`.

    This generator stops at its endpoints, see `Walk`: the end of every block,
    `inception_3a` .. `inception_5b`, and the ends of the stages before their
    normalization and pooling, `relu2` .. `relu5`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`: B G R
            colors 0..255 minus their mean, or flow minus 128.

    Returns:
        Feature map of stride 32 with 1024 channels, 7x7 at 224x224.

    Reference:
        - [Szegedy et al., 2015](https://arxiv.org/abs/1409.4842), table 1
    """
    x = convolution(x, 64, 7, 2, "conv1", "7x7_s2", relu="relu_7x7")
    x = CaffePooling(3, 2, name="pool1_3x3_s2")(x)
    x = _normalization(x, "pool1_norm1")
    x = convolution(x, 64, 1, 1, "conv2", "3x3_reduce")
    x = convolution(x, 192, 3, 1, "conv2", "3x3")
    x = yield "relu2", x
    x = _normalization(x, "conv2_norm2")
    x = CaffePooling(3, 2, name="pool2_3x3_s2")(x)
    for name, block in BLOCKS.items():
        x = _inception(x, block, f"inception_{name}")
        x = yield f"inception_{name}", x
        if name in STAGE_ENDS:
            x = yield f"relu{name[0]}", x
            if STAGE_ENDS[name]:
                x = CaffePooling(3, 2, name=STAGE_ENDS[name])(x)
    return x


def convolution(
    x, filters, kernel_size, strides, block, role, relu=None, normalized=False
):
    """Applies a convolution, batch normalization if `normalized` (for
    BN-Inception), and ReLU. Layers are named after `block` and `role`."""
    name = f"{block}_{role}"
    if strides > 1:
        # "same" would pad even images differently.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        kernel_initializer="he_normal",
        name=name,
    )(x)
    if normalized:
        x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    relu = relu or f"relu_{role}"
    return layers.Activation("relu", name=f"{block}_{relu}")(x)


def _normalization(x, name):
    # Caffe's alpha of 1e-4 is divided by the number of squares, 5.
    return LocalResponseNormalization(alpha=1e-4 / 5, name=name)(x)


def _inception(x, block, name):
    point = convolution(x, block.point, 1, 1, name, "1x1")

    reduction, filters = block.three
    three = convolution(x, reduction, 1, 1, name, "3x3_reduce")
    three = convolution(three, filters, 3, 1, name, "3x3")

    reduction, filters = block.five
    five = convolution(x, reduction, 1, 1, name, "5x5_reduce")
    five = convolution(five, filters, 5, 1, name, "5x5")

    pool = CaffePooling(3, 1, padding=1, name=f"{name}_pool")(x)
    pool = convolution(pool, block.projection, 1, 1, name, "pool_proj")
    return layers.Concatenate(name=f"{name}_output")([point, three, five, pool])
