"""What a test of a layer needs and each backend does in its own way."""

import keras
import numpy as np
from keras import ops


def gradients(layer, inputs):
    """Gradients of a fixed random combination of the outputs of a built
    layer.

    Args:
        layer: layer that draws no random numbers.
        inputs: array, or list of arrays.

    Returns:
        Two lists of arrays: one a trainable weight, one an input.
    """
    inputs = [ops.convert_to_tensor(x) for x in keras.tree.flatten(inputs)]
    weights = [variable.value for variable in layer.trainable_variables]

    def loss(weights, inputs):
        outputs, _ = layer.stateless_call(
            weights,
            [variable.value for variable in layer.non_trainable_variables],
            inputs if len(inputs) > 1 else inputs[0],
        )
        combination = np.random.default_rng(1).normal(size=outputs.shape)
        return ops.sum(ops.cast(outputs, "float32") * combination)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch([weights, inputs])
            value = loss(weights, inputs)
        found = tape.gradient(value, [weights, inputs])
    else:
        import jax

        found = jax.grad(loss, argnums=(0, 1))(weights, inputs)
    return [list(map(ops.convert_to_numpy, part)) for part in found]


def assert_gradients_arrive(layer, inputs):
    """At every trainable weight and every input, finite."""
    of_weights, of_inputs = gradients(layer, inputs)
    assert len(of_weights) == len(layer.trainable_variables)
    for gradient in of_weights + of_inputs:
        assert np.all(np.isfinite(gradient))
        assert np.abs(gradient).max() > 1e-6


def without_sizes(layer, inputs):
    """A function of arrays that is traced with no more known of them than
    their rank and channels, where the backend can; JAX knows all shapes."""
    unknown = [
        keras.Input((None,) * (x.ndim - 2) + x.shape[-1:])
        for x in keras.tree.flatten(inputs)
    ]
    outputs = layer(unknown if len(unknown) > 1 else unknown[0])
    function = keras.Model(unknown, outputs)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        specs = [tf.TensorSpec(x.shape, x.dtype) for x in unknown]
        function = tf.function(function, input_signature=[specs])
    return lambda inputs: ops.convert_to_numpy(
        function([ops.convert_to_tensor(x) for x in keras.tree.flatten(inputs)])
    )
