"""VGG-M-2048 as published, in PyTorch."""

import torch.nn.functional as F

from tests.weights.references.layers import convolve
from tests.weights.references.layers import fully_connected


def feature_map(images, source):
    """The features behind the second fully connected layer of VGG-M-2048.

    Args:
        images: torch float tensor `(batch, channels, 224, 224)`. The network
            of motion, which has not three channels, lacks the second
            normalization.
        source: `Source`.

    Returns:
        torch float tensor `(batch, 2048, 1, 1)`.

    Reference:
        - [Chatfield et al., 2014](https://arxiv.org/abs/1405.3531), table 1,
          CNN-M, and section III.D (fc7 of 2048)
    """

    def convolution(x, name, stride=1, padding=0):
        return F.relu(convolve(x, source, name, stride, padding))

    def normalize(x):
        return F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)

    def halve(x):
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    x = halve(normalize(convolution(images, "conv1", 2)))
    x = convolution(x, "conv2", 2, 1)
    if images.shape[1] == 3:
        x = normalize(x)
    x = halve(x)
    for name in ("conv3", "conv4", "conv5"):
        x = convolution(x, name, 1, 1)
    x = halve(x)
    for name in ("fc6", "fc7"):
        x = F.relu(fully_connected(x, source, name))
    return x
