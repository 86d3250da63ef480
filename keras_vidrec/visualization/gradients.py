"""Gradients on whatever backend Keras runs: `keras.ops` has none."""

import keras
import numpy as np


def differentiate(function, compiled=False):
    """The value of a function and its gradients.

    Args:
        function: callable from a list of tensors, and any further tensors, to
            a scalar. Gradients are those by the tensors of the list.
        compiled: bool. Whether to compile it, once for each set of shapes:
            for what is called many times. PyTorch compiles nothing. Defaults
            to `False`.

    Returns:
        Callable from a list of float32 arrays, and further arrays, to the
        value as a float and a list of float32 arrays of the gradients; 0
        where the value does not depend on a tensor.
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
        # Of weights none are wanted: nothing is kept for them.
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
        # By the tensors alone: weights gather no gradients.
        return value, torch.autograd.grad(
            value, tensors, allow_unused=True, materialize_grads=True
        )

    return differentiated


_BACKENDS = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
