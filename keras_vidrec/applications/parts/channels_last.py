"""Convolutions and pooling of PyTorch on pixels as they lie in memory."""

import functools

import keras


def spare_copies(layers):
    """Makes the convolutions and maximum poolings of layers, and of networks
    inside of them, work on channels-last maps as they are, on PyTorch.

    Keras' own code brings each map into PyTorch's order of channels and back
    into the order in which it was, and each kernel into an order of its own:
    two fifths of an inference step of ResNet-50. Results are those of the
    layers; what it does not know, and other backends, stay as they are.

    Args:
        layers: sequence of `keras.Layer`. They are changed.
    """
    if keras.backend.backend() != "torch":
        return
    for layer in layers:
        if isinstance(layer, keras.Model):
            spare_copies(layer.layers)
        elif getattr(layer, "data_format", None) != "channels_last":
            continue
        elif isinstance(layer, keras.layers.Conv2D):
            padding = _padding(layer)
            if padding is not None and not _is_changed(layer):
                layer.convolution_op = functools.partial(
                    _convolve, layer, padding
                )
                lay_out([layer.kernel])
        elif type(layer) is keras.layers.MaxPooling2D:
            if layer.padding == "valid":
                layer.call = functools.partial(_pool, layer)


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


def _is_changed(layer):
    """Whether a convolution is one of another kind."""
    kind = keras.layers.Conv2D
    return type(layer).convolution_op is not kind.convolution_op


def _padding(layer):
    """The same on both sides of an axis; `None` where it is not."""
    if layer.padding == "valid":
        return (0, 0)
    reach = [
        dilation * (size - 1)
        for dilation, size in zip(layer.dilation_rate, layer.kernel_size)
    ]
    if layer.padding != "same" or any(n % 2 for n in reach):
        return None
    return tuple(n // 2 for n in reach) if {*layer.strides} == {1} else None


def _convolve(layer, padding, inputs, kernel):
    import torch

    maps = keras.ops.convert_to_tensor(inputs).permute(0, 3, 1, 2)
    kernel = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
    return torch.nn.functional.conv2d(
        maps.contiguous(memory_format=torch.channels_last),
        kernel.contiguous(memory_format=torch.channels_last),
        stride=tuple(layer.strides),
        padding=padding,
        dilation=tuple(layer.dilation_rate),
        groups=layer.groups,
    ).permute(0, 2, 3, 1)


def _pool(layer, inputs):
    import torch

    maps = keras.ops.convert_to_tensor(inputs).permute(0, 3, 1, 2)
    found = torch.nn.functional.max_pool2d(
        maps, tuple(layer.pool_size), tuple(layer.strides)
    )
    return found.permute(0, 2, 3, 1)
