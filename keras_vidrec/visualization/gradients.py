"""Gradients on all backends, which `keras.ops` does not have."""

import keras
import numpy as np


def differentiate(function, compiled=False):
    """Returns a function that computes the value of a function and its
    gradients.

    Args:
        function: function from a list of tensors, and any further tensors, to
            a scalar. Gradients are computed with respect to the tensors in the
            list.
        compiled: bool. Whether to compile it, once for each set of shapes,
            which pays off if it is called many times. Nothing is compiled on
            PyTorch. Defaults to `False`.

    Returns:
        Function from a list of float32 arrays, and further arrays, to the value
        as a float and a list of float32 arrays of the gradients, which are 0 if
        the value does not depend on a tensor.
    """
    differentiated = _BACKENDS[keras.backend.backend()](function, compiled)

    def evaluate(arrays, *others):
        tensors = [
            keras.ops.convert_to_tensor(array, "float32") for array in arrays
        ]
        others = [keras.ops.convert_to_tensor(other) for other in others]
        value, gradients = differentiated(tensors, *others)
        value, *gradients = map(
            np.asarray, map(keras.ops.convert_to_numpy, (value, *gradients))
        )
        return float(value), gradients

    return evaluate


def _on_tensorflow(function, compiled):
    import tensorflow as tf

    def differentiated(tensors, *others):
        # Without recording operations for gradients of weights.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = function(tensors, *others)
        return value, tape.gradient(
            value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    return tf.function(differentiated) if compiled else differentiated


def _on_jax(function, compiled):
    import jax

    differentiated = jax.value_and_grad(function)
    return jax.jit(differentiated) if compiled else differentiated


def _on_torch(function, _compiled):
    import torch

    def differentiated(tensors, *others):
        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        value = function(tensors, *others)
        if not value.requires_grad:
            return value, [torch.zeros_like(tensor) for tensor in tensors]
        # `grad` does not accumulate gradients in the weights.
        return value, torch.autograd.grad(
            value, tensors, allow_unused=True, materialize_grads=True
        )

    return differentiated


_BACKENDS = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
