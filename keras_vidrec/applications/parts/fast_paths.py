"""Replaces operations for which a backend has a faster one than Keras uses."""

import functools

import keras

from keras_vidrec.applications.parts import torch_run


def take(model):
    """Makes a network and its inner networks use faster operations of the
    backend: on PyTorch see `torch_run`; on JAX, on a CPU, 1x1 convolutions are
    computed as products of matrices. The results are the same.

    XLA computes the gradient of the kernel of a 1x1 convolution as a
    convolution with a window as large as the map, which takes 2.5 to 5 times as
    long as the product.

    Args:
        model: functional keras.Model. It is changed in place; on TensorFlow it
            is not changed.

    Returns:
        `model`.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        torch_run.run_directly(model)
    elif backend == "jax":
        _multiply_pixels(model.layers)
    return model


def _multiply_pixels(layers):
    """Makes 1x1 convolutions use `_of_pixels`."""
    for layer in layers:
        if isinstance(layer, keras.Model):
            _multiply_pixels(layer.layers)
        elif (
            type(layer) is keras.layers.Conv2D
            and {*layer.kernel_size} == {1}
            and layer.groups == 1
            and layer.data_format == "channels_last"
        ):
            layer.convolution_op = functools.partial(
                _of_pixels, layer, type(layer).convolution_op
            )


def _of_pixels(layer, plain, inputs, kernel):
    """Computes a 1x1 convolution as a product of matrices on a CPU, or by
    `plain`, Keras' own method, elsewhere."""
    import jax

    if jax.default_backend() != "cpu":
        return plain(layer, inputs, kernel)
    down, right = layer.strides
    # The kernel may be a Keras variable or a symbolic tensor.
    kernel = keras.ops.reshape(kernel, kernel.shape[2:])
    return keras.ops.matmul(inputs[:, ::down, ::right], kernel)
