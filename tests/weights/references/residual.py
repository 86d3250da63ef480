"""Bottleneck residual networks as published, in PyTorch."""

import torch.nn.functional as F

from tests.weights.references.layers import convolve
from tests.weights.references.layers import normalize

_LETTERS = "abcdefgh"


def feature_map(images, source, names, *, stride_on_3x3, epsilon, stem_padding):
    """The last feature map of a residual network, of any depth.

    Args:
        images: torch float tensor `(batch, channels, height, width)`.
        source: `Source`.
        names: callable from `(stage, unit, branch)` to the names of a
            convolution and of its batch normalization: `branch` 1, 2, 3 are
            the convolutions of a residual unit, 0 is its shortcut's; units
            count from 0, stages from 1, and stage 0 is the stem.
        stride_on_3x3: bool. Whether the second convolution of a stage's first
            unit has its stride, not the first.
        epsilon: float. Of the batch normalizations.
        stem_padding: int. Padding of the stem's pooling: 1 rounds sizes down,
            0 rounds them up and lets the last window hang over.

    Returns:
        torch float tensor `(batch, 2048, height, width)`.

    Reference:
        - [He et al., 2016](https://arxiv.org/abs/1512.03385), table 1
    """

    def convolution(x, place, stride=1, padding=0):
        name, norm = names(*place)
        x = convolve(x, source, name, stride, padding)
        return normalize(x, source, norm, epsilon)

    x = F.relu(convolution(images, (0, 0, 0), 2, 3))
    x = F.max_pool2d(x, 3, 2, stem_padding, ceil_mode=stem_padding == 0)
    for stage in (1, 2, 3, 4):
        unit = 0
        while source.has(names(stage, unit, 1)[0]):
            stride = 2 if stage > 1 and unit == 0 else 1
            first, second = (1, stride) if stride_on_3x3 else (stride, 1)
            y = F.relu(convolution(x, (stage, unit, 1), first))
            y = F.relu(convolution(y, (stage, unit, 2), second, 1))
            y = convolution(y, (stage, unit, 3))
            if unit == 0:
                x = convolution(x, (stage, unit, 0), stride)
            x = F.relu(x + y)
            unit += 1
    return x


def torchvision_names(stage, unit, branch):
    """`layer1.0.conv1`, `layer1.0.bn1`; timm's and tsn-pytorch's too."""
    if stage == 0:
        return "conv1", "bn1"
    place = f"layer{stage}.{unit}"
    if branch == 0:
        return f"{place}.downsample.0", f"{place}.downsample.1"
    return f"{place}.conv{branch}", f"{place}.bn{branch}"


def mmaction2_names(stage, unit, branch):
    """`layer1.0.conv1.conv`, `layer1.0.conv1.bn`."""
    place = "conv1"
    if stage > 0:
        role = f"conv{branch}" if branch else "downsample"
        place = f"layer{stage}.{unit}.{role}"
    return f"{place}.conv", f"{place}.bn"


def keras_names(stage, unit, branch):
    """`conv2_block1_1_conv`, `conv2_block1_1_bn`."""
    place = "conv1"
    if stage > 0:
        place = f"conv{stage + 1}_block{unit + 1}_{branch}"
    return f"{place}_conv", f"{place}_bn"


def caffe_names(stage, unit, branch):
    """`res2a_branch2a`, `bn2a_branch2a`, with units a, b, c, ..."""
    return _caffe_names(stage, _LETTERS[unit : unit + 1], branch)


def deep_caffe_names(stage, unit, branch):
    """`res3b1_branch2a`, `bn3b1_branch2a`: in the third and fourth stage of
    the networks of 101 and 152 layers units are a, b1, b2, ..."""
    if stage in (2, 3) and unit > 0:
        return _caffe_names(stage, f"b{unit}", branch)
    return caffe_names(stage, unit, branch)


def _caffe_names(stage, unit, branch):
    if stage == 0:
        return "conv1", "bn_conv1"
    role = f"branch2{_LETTERS[branch - 1]}" if branch else "branch1"
    place = f"{stage + 1}{unit}_{role}"
    return f"res{place}", f"bn{place}"
