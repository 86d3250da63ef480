"""GoogLeNet as published, in PyTorch."""

import torch
import torch.nn.functional as F

from tests.weights.references.layers import convolve

_HALVED_AFTER = ("3b", "4e")
_BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


def feature_map(images, source):
    """The last feature map of GoogLeNet, in the names of Caffe.

    Args:
        images: torch float tensor `(batch, channels, height, width)`.
        source: `Source`.

    Returns:
        torch float tensor `(batch, 1024, height, width)`.

    Reference:
        - [Szegedy et al., 2015](https://arxiv.org/abs/1409.4842), table 1
    """

    def convolution(x, name, stride=1, padding=0):
        return F.relu(convolve(x, source, name, stride, padding))

    def halve(x):
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    def normalize(x):
        return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    x = normalize(halve(convolution(images, "conv1/7x7_s2", 2, 3)))
    x = convolution(x, "conv2/3x3_reduce")
    x = halve(normalize(convolution(x, "conv2/3x3", 1, 1)))
    for letter in _BLOCKS:
        block = f"inception_{letter}"
        point = convolution(x, f"{block}/1x1")
        three = convolution(x, f"{block}/3x3_reduce")
        three = convolution(three, f"{block}/3x3", 1, 1)
        five = convolution(x, f"{block}/5x5_reduce")
        five = convolution(five, f"{block}/5x5", 1, 2)
        pool = F.max_pool2d(x, 3, 1, 1)
        pool = convolution(pool, f"{block}/pool_proj")
        x = torch.cat([point, three, five, pool], 1)
        if letter in _HALVED_AFTER:
            x = halve(x)
    return x
