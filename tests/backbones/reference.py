"""What backbones are made of, once more in NumPy, and towers for counting."""

import math

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from keras_vidrec import backbones


def tower_without_weights(name, **kwargs):
    """A tower whose variables have shapes and no values, which saves the time
    and the memory of hundreds of millions of them."""
    with keras.StatelessScope(initialize_variables=False):
        return backbones.get(name, **kwargs)


def trainable_parameters(tower, num_classes):
    """Number of trainable parameters, with a Dense layer of the classes."""
    head = (tower.output.shape[-1] + 1) * num_classes
    return head + sum(math.prod(v.shape) for v in tower.trainable_variables)


def shapes(tower):
    """Shape of every layer's output by name, without the batch."""
    return {layer.name: tuple(layer.output.shape[1:]) for layer in tower.layers}


def randomize(tower, seed=0):
    """Gives every weight, biases too, a value of its own."""
    rng = np.random.default_rng(seed)
    for weight in tower.weights:
        fan_in = math.prod(weight.shape[:-1])
        weight.assign(rng.normal(0, (2 / fan_in) ** 0.5, weight.shape))


def convolution(x, layer, strides=1, padding=0):
    """The convolution of a layer's weights, and ReLU."""
    kernel, bias = layer.get_weights()
    sides = (padding, padding)
    x = np.pad(x, [(0, 0), sides, sides, (0, 0)])
    windows = sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    windows = windows[:, ::strides, ::strides]
    y = np.einsum("nhwcij,ijcd->nhwd", windows, kernel, optimize=True)
    return np.maximum(y + bias, 0)


def max_pool(x, pool_size, strides, padding=0):
    """Maxima of windows; the last one may hang over the far border."""
    height, width = (
        math.ceil((size + 2 * padding - pool_size) / strides) + 1
        for size in x.shape[1:3]
    )
    sides = (padding, padding + pool_size)
    x = np.pad(x, [(0, 0), sides, sides, (0, 0)], constant_values=-math.inf)
    y = sliding_window_view(x, (pool_size, pool_size), axis=(1, 2))
    y = y[:, ::strides, ::strides][:, :height, :width]
    return y.max((-2, -1))


def normalize(x, bias, alpha, beta=0.75):
    """Local response normalization over five channels."""
    squares = np.pad(x**2, [(0, 0)] * 3 + [(2, 2)])
    energies = sliding_window_view(squares, 5, axis=-1).sum(-1)
    return x / (bias + alpha * energies) ** beta
