"""VGG-16 as published, in PyTorch."""

import torch.nn.functional as F

from tests.weights.references.layers import convolve
from tests.weights.references.layers import fully_connected

# Convolutions of each stage.
_STAGES = (2, 2, 3, 3, 3)


def feature_map(images, source, names, fully_connected_names):
    """The features behind the second fully connected layer of VGG-16.

    Args:
        images: torch float tensor `(batch, channels, 224, 224)`.
        source: `Source`.
        names: callable from the stage and the position in it, both from 1, to
            the name of a convolution.
        fully_connected_names: pair of str. Names of the two layers.

    Returns:
        torch float tensor `(batch, 4096, 1, 1)`.

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556),
          table 1, configuration D
    """
    x = images
    for stage, count in enumerate(_STAGES, start=1):
        for position in range(1, count + 1):
            name = names(stage, position)
            x = F.relu(convolve(x, source, name, padding=1))
        x = F.max_pool2d(x, 2, 2)
    for name in fully_connected_names:
        x = F.relu(fully_connected(x, source, name))
    return x


def torchvision_names(stage, position):
    """`features.0`, `features.2`, `features.5`, ...: a ReLU follows each, and
    a pooling each stage."""
    before = sum(_STAGES[: stage - 1]) + position - 1
    return f"features.{2 * before + stage - 1}"


def caffe_names(stage, position):
    """`conv1_1`."""
    return f"conv{stage}_{position}"


def keras_names(stage, position):
    """`block1_conv1`."""
    return f"block{stage}_conv{position}"
