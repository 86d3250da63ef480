"""Inception-v3 as published, in PyTorch."""

import torch
import torch.nn.functional as F

from tests.weights.references.layers import convolve
from tests.weights.references.layers import normalize

_EPSILON = 1e-3


def feature_map(images, source, count_padding):
    """The last feature map of Inception-v3, in torchvision's names.

    Args:
        images: torch float tensor `(batch, channels, height, width)`.
        source: `Source`.
        count_padding: bool. Whether averages count the zeros around an image,
            as in torchvision; in TensorFlow they do not.

    Returns:
        torch float tensor `(batch, 2048, height, width)`.

    Reference:
        - [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), table 1
    """

    def convolution(x, name, stride=1, padding=0):
        x = convolve(x, source, f"{name}.conv", stride, padding)
        return F.relu(normalize(x, source, f"{name}.bn", _EPSILON))

    def chain(x, branch, *paddings):
        for number, padding in enumerate(paddings, start=1):
            x = convolution(x, f"{branch}_{number}", padding=padding)
        return x

    def average(x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=count_padding)

    def fork(x, branch):
        row = convolution(x, f"{branch}a", padding=(0, 1))
        return torch.cat([row, convolution(x, f"{branch}b", padding=(1, 0))], 1)

    x = convolution(images, "Conv2d_1a_3x3", 2)
    x = convolution(x, "Conv2d_2a_3x3")
    x = convolution(x, "Conv2d_2b_3x3", 1, 1)
    x = F.max_pool2d(x, 3, 2)
    x = convolution(x, "Conv2d_3b_1x1")
    x = convolution(x, "Conv2d_4a_3x3")
    x = F.max_pool2d(x, 3, 2)
    for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        point = convolution(x, f"{block}.branch1x1")
        single = chain(x, f"{block}.branch5x5", 0, 2)
        double = chain(x, f"{block}.branch3x3dbl", 0, 1, 1)
        pool = convolution(average(x), f"{block}.branch_pool")
        x = torch.cat([point, single, double, pool], 1)
    single = convolution(x, "Mixed_6a.branch3x3", 2)
    double = chain(x, "Mixed_6a.branch3x3dbl", 0, 1)
    double = convolution(double, "Mixed_6a.branch3x3dbl_3", 2)
    x = torch.cat([single, double, F.max_pool2d(x, 3, 2)], 1)
    row, column = (0, 3), (3, 0)
    for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        point = convolution(x, f"{block}.branch1x1")
        single = chain(x, f"{block}.branch7x7", 0, row, column)
        turns = (column, row, column, row)
        double = chain(x, f"{block}.branch7x7dbl", 0, *turns)
        pool = convolution(average(x), f"{block}.branch_pool")
        x = torch.cat([point, single, double, pool], 1)
    single = chain(x, "Mixed_7a.branch3x3", 0)
    single = convolution(single, "Mixed_7a.branch3x3_2", 2)
    double = chain(x, "Mixed_7a.branch7x7x3", 0, row, column)
    double = convolution(double, "Mixed_7a.branch7x7x3_4", 2)
    x = torch.cat([single, double, F.max_pool2d(x, 3, 2)], 1)
    for block in ("Mixed_7b", "Mixed_7c"):
        point = convolution(x, f"{block}.branch1x1")
        single = chain(x, f"{block}.branch3x3", 0)
        single = fork(single, f"{block}.branch3x3_2")
        double = chain(x, f"{block}.branch3x3dbl", 0, 1)
        double = fork(double, f"{block}.branch3x3dbl_3")
        pool = convolution(average(x), f"{block}.branch_pool")
        x = torch.cat([point, single, double, pool], 1)
    return x
