"""BN-Inception, the backbone of temporal segment networks."""

import collections
import functools
import types

from keras import layers

from keras_vidrec.backbones import googlenet
from keras_vidrec.layers.spatial_pooling import CaffePooling

# Blocks at which a stage ends: the next block halves the image, or there is
# none.
STAGE_ENDS = types.MappingProxyType({"3b": 3, "4d": 4, "5b": 5})

# Filters of a block's convolutions, branch by branch: `point` is the 1x1
# branch, `single` the reduction and the 3x3, `double` the reduction and two
# 3x3. A block without `projection` halves the image: it has no 1x1 branch, and
# the last convolution of the other branches has stride 2.
Block = collections.namedtuple("Block", "point single double pool projection")

BLOCKS = types.MappingProxyType(
    {
        "3a": Block(64, (64, 64), (64, 96, 96), "avg", 32),
        "3b": Block(64, (64, 96), (64, 96, 96), "avg", 64),
        "3c": Block(None, (128, 160), (64, 96, 96), "max", None),
        "4a": Block(224, (64, 96), (96, 128, 128), "avg", 128),
        "4b": Block(192, (96, 128), (96, 128, 128), "avg", 128),
        "4c": Block(160, (128, 160), (128, 160, 160), "avg", 128),
        "4d": Block(96, (128, 192), (160, 192, 192), "avg", 128),
        "4e": Block(None, (128, 192), (192, 256, 256), "max", None),
        "5a": Block(352, (192, 320), (160, 224, 224), "avg", 128),
        "5b": Block(352, (192, 320), (192, 224, 224), "max", 128),
    }
)


def bn_inception(x):
    """Builds the stem and the ten blocks of BN-Inception, with stride 32 and
    1024 channels.

    The layers are those of the Caffe release for temporal segment networks
    (TSN, section 3.2): every convolution has a bias and is followed by batch
    normalization (momentum 0.9, epsilon 1e-5) and ReLU; pooling rounds sizes
    up; averages include the zero padding. Layers have Caffe's names with `_`
    instead of `/`: `conv1_7x7_s2`, `conv1_7x7_s2_bn`, `conv1_relu_7x7`,
    `inception_3a_double_3x3_reduce`, ..., `inception_5b_output`.

    This generator stops at its endpoints, see `Walk`: the end of every block,
    `inception_3a` .. `inception_5b`, and the end of every stage, before the
    image is halved: `relu2`, and after blocks 3b, 4d and 5b `relu3` ..
    `relu5`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`: B G R
            colors 0..255 minus their mean, or flow minus 128.

    Returns:
        Feature map of shape `(batch, height / 32, width / 32, 1024)`, each
        size rounded up.
    """
    x = _convolution(x, 64, 7, 2, "conv1", "7x7_s2", relu="relu_7x7")
    x = CaffePooling(3, 2, name="pool1_3x3_s2")(x)
    x = _convolution(x, 64, 1, 1, "conv2", "3x3_reduce")
    x = _convolution(x, 192, 3, 1, "conv2", "3x3")
    x = yield "relu2", x
    x = CaffePooling(3, 2, name="pool2_3x3_s2")(x)
    for name, block in BLOCKS.items():
        x = _inception(x, block, f"inception_{name}")
        x = yield f"inception_{name}", x
        if name in STAGE_ENDS:
            x = yield f"relu{STAGE_ENDS[name]}", x
    return x


_convolution = functools.partial(googlenet.convolution, normalized=True)


def _inception(x, block, name):
    strides = 1 if block.projection else 2
    branches = []
    if block.point:
        branches.append(_convolution(x, block.point, 1, 1, name, "1x1"))

    reduction, filters = block.single
    branch = _convolution(x, reduction, 1, 1, name, "3x3_reduce")
    branches.append(_convolution(branch, filters, 3, strides, name, "3x3"))

    reduction, first, second = block.double
    branch = _convolution(x, reduction, 1, 1, name, "double_3x3_reduce")
    branch = _convolution(branch, first, 3, 1, name, "double_3x3_1")
    branches.append(
        _convolution(branch, second, 3, strides, name, "double_3x3_2")
    )

    # For odd sizes, the release's pooling has a smaller output than the
    # convolutions, so that the branches cannot be concatenated. Here the
    # pooling has one more window.
    branch = CaffePooling(
        3,
        strides,
        padding=2 - strides,
        mode=block.pool,
        every_stride=strides == 2,
        name=f"{name}_pool",
    )(x)
    if block.projection:
        branch = _convolution(branch, block.projection, 1, 1, name, "pool_proj")
    branches.append(branch)
    return layers.Concatenate(name=f"{name}_output")(branches)
