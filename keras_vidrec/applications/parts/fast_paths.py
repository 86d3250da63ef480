"""Operations for which a backend has a faster way than Keras uses."""

import functools

import keras

from keras_vidrec.applications.parts import torch_run


def take(model):
    """Lets a network, and those inside of it, compute as the backend does best:
    on PyTorch as `torch_run` says, on JAX with convolutions of one pixel as
    products of matrices on a CPU. Results are those of the network.

    XLA takes the gradient of such a kernel for a convolution with a window as
    large as the map, which takes 2.5 to 5 times as long as the product.

    Args:
        model: functional keras.Model. It is changed; on TensorFlow it stays as
            it is.

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
    import jax

    if jax.default_backend() != "cpu":
        return plain(layer, inputs, kernel)
    down, right = layer.strides
    # Keras' variables, and tensors that stand for none yet, alike.
    kernel = keras.ops.reshape(kernel, kernel.shape[2:])
    return keras.ops.matmul(inputs[:, ::down, ::right], kernel)
