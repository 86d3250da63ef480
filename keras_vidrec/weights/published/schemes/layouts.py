"""Layouts of arrays in other libraries, brought to that of Keras."""

import numpy as np


def from_oihw(variable, array, maps=None):
    """An array of PyTorch or Caffe in the layout of Keras.

    Args:
        variable: str, as `Slot` has it.
        array: a kernel `(filters, channels, height, width)` or `(filters,
            features)`; or a vector, perhaps with axes of length 1 (`(1, C)`).
        maps: `None`, or tuple `(channels, height, width)`: the kernel is of a
            fully connected layer on flattened maps of this shape, to be used
            as a convolution. Defaults to `None`.

    Returns:
        float array: a kernel `(height, width, channels, filters)` or
        `(features, filters)`; or a vector.
    """
    array = np.asarray(array)
    if variable != "kernel":
        return array.reshape(-1)
    if maps is not None:
        array = array.reshape(-1, *maps)
    if array.ndim == 2:
        return array.T
    return array.transpose(2, 3, 1, 0)
