"""The order in memory in which PyTorch's convolutions read kernels."""

import keras


def lay_out(variables):
    """Puts kernels, and what an optimizer keeps of them, into the order in
    memory in which convolutions read them. Shapes and values stay.

    Args:
        variables: sequence of `keras.Variable`. Those without four axes, and
            those of other backends, stay as they are.
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
