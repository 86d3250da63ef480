"""Layers of published networks in PyTorch, images first by channels."""

import torch.nn.functional as F


def convolve(x, source, layer, stride=1, padding=0):
    """A convolution with the weights of a layer.

    Args:
        x: torch float tensor `(batch, channels, height, width)`.
        source: `Source`.
        layer: str. Name of the layer there.
        stride: int. Defaults to `1`.
        padding: int, or pair of them. Defaults to `0`.

    Returns:
        torch float tensor `(batch, filters, height, width)`.
    """
    return F.conv2d(x, *source.convolution(layer), stride, padding)


def normalize(x, source, layer, epsilon):
    """Batch normalization in inference, with the weights of a layer."""
    return F.batch_norm(x, *source.normalization(layer), eps=epsilon)


def fully_connected(x, source, layer):
    """A fully connected layer, of all pixels of the images `x` at once.

    Returns:
        torch float tensor `(batch, units, 1, 1)`.
    """
    return F.conv2d(x, *source.dense(layer, x.shape[1:]))
