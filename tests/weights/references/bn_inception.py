"""BN-Inception as published, in PyTorch."""

import torch
import torch.nn.functional as F

from tests.weights.references.layers import convolve
from tests.weights.references.layers import normalize

_EPSILON = 1e-5

# Blocks in their order, and the pooling of each.
_BLOCKS = (
    ("3a", "average"),
    ("3b", "average"),
    ("3c", "halving"),
    ("4a", "average"),
    ("4b", "average"),
    ("4c", "average"),
    ("4d", "average"),
    ("4e", "halving"),
    ("5a", "average"),
    ("5b", "max"),
)


def feature_map(images, source, separator):
    """The last feature map of BN-Inception.

    Pooling rounds sizes up, so images of some sizes have maps of one block
    that do not join, as with the published code.

    Args:
        images: torch float tensor `(batch, channels, height, width)`.
        source: `Source`.
        separator: str. What is between the names of a block and of its layer:
            `"/"` in Caffe (`inception_3a/3x3_reduce`), `"_"` in PyTorch.

    Returns:
        torch float tensor `(batch, 1024, height, width)`.
    """

    def convolution(x, block, role, stride=1, padding=0):
        name = f"{block}{separator}{role}"
        x = convolve(x, source, name, stride, padding)
        return F.relu(normalize(x, source, f"{name}_bn", _EPSILON))

    x = convolution(images, "conv1", "7x7_s2", 2, 3)
    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = convolution(x, "conv2", "3x3_reduce")
    x = convolution(x, "conv2", "3x3", 1, 1)
    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    for letter, pooling in _BLOCKS:
        block = f"inception_{letter}"
        stride = 2 if pooling == "halving" else 1
        single = convolution(x, block, "3x3_reduce")
        single = convolution(single, block, "3x3", stride, 1)
        double = convolution(x, block, "double_3x3_reduce")
        double = convolution(double, block, "double_3x3_1", 1, 1)
        double = convolution(double, block, "double_3x3_2", stride, 1)
        if pooling == "halving":
            pool = F.max_pool2d(x, 3, 2, ceil_mode=True)
            x = torch.cat([single, double, pool], 1)
            continue
        if pooling == "average":
            pool = F.avg_pool2d(x, 3, 1, 1, count_include_pad=True)
        else:
            pool = F.max_pool2d(x, 3, 1, 1)
        pool = convolution(pool, block, "pool_proj")
        point = convolution(x, block, "1x1")
        x = torch.cat([point, single, double, pool], 1)
    return x
