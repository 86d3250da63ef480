"""Stores kernels in the memory order that PyTorch's convolutions need."""

import keras


def lay_out(variables):
    """Changes the memory order of kernels, and of an optimizer's variables for
    them, to the one that PyTorch's convolutions read. Shapes and values are not
    changed.

    Args:
        variables: sequence of `keras.Variable`. Variables that do not have four
            axes are skipped. On other backends nothing is done.
    """
    if keras.backend.backend() != "torch":
        return
    import torch

    for variable in variables:
        value = variable.value
        if value.ndim == 4 and not value.is_meta:
            value.data = (
                value.data.permute(3, 2, 0, 1)
                .contiguous(memory_format=torch.channels_last)
                .permute(2, 3, 1, 0)
            )
