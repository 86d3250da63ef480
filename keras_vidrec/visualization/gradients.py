"""Gradients on whatever backend Keras runs: `keras.ops` has none."""

import keras
import numpy as np


def differentiate(function, compiled=False):
    """The value of a function and its gradients.

    Args:
        function: callable from a list of tensors, and any further tensors, to
            a scalar. Gradients are those by the tensors of the list.
        compiled: bool. Whether to compile it, once for each set of shapes:
            for what is called many times. Defaults to `False`.

    Returns:
        Callable from a list of float32 arrays, and further arrays, to the
        value as a float and a list of float32 arrays of the gradients; 0
        where the value does not depend on a tensor.

    Raises:
        ValueError: on a backend other than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise ValueError(
            f"Gradients are made on one of the backends {tuple(_BACKENDS)}. "
            f"Received: {backend!r}"
        )
    differentiated = _BACKENDS[backend](function, compiled)

    def evaluate(arrays, *others):
        tensors = [
            keras.ops.convert_to_tensor(array, "float32") for array in arrays
        ]
        others = [keras.ops.convert_to_tensor(other) for other in others]
        value, gradients = differentiated(tensors, *others)
        return float(value), [np.asarray(gradient) for gradient in gradients]

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


_BACKENDS = {"tensorflow": _on_tensorflow, "jax": _on_jax}
