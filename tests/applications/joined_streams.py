"""What tests of networks of two joined streams need."""

import keras
import numpy as np
from keras import ops

from keras_vidrec.weights.towers import layers_by_path

CLASSES = 3
CHANNELS = {"rgb": 3, "flow": 4}
# Small networks of these channels.
SMALL = {"backbone": "tiny", "classes": CLASSES, "snippet_length": 2}


def clips(batch=2, num_segments=3, size=32, seed=0):
    """Random pixels, alike over the chunks of a clip in part."""
    rng = np.random.default_rng(seed)
    return {
        stream: np.add(
            rng.integers(0, 128, (batch, 1, size, size, channels), "uint8"),
            rng.integers(
                0, 128, (batch, num_segments, size, size, channels), "uint8"
            ),
        )
        for stream, channels in CHANNELS.items()
    }


def scaled(pixels):
    """Pixels as the tiny backbone wants them."""
    return {s: x.astype("float32") / 127.5 - 1 for s, x in pixels.items()}


def wake(model, seed=0):
    """Weights far from their start, where it is all ones, zeros or the same."""
    rng = np.random.default_rng(seed)
    for layer in layers_by_path(model).values():
        if isinstance(layer, keras.layers.BatchNormalization):
            scale, shift, mean, variance = (w.shape for w in layer.weights)
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.5, scale),
                    # Of the stem downwards: where no ReLU ever closes, the
                    # normalization that follows takes its gradient away.
                    rng.normal(-0.5 * layer.name.endswith("conv1"), 0.3, shift),
                    rng.normal(0, 0.1, mean),
                    rng.uniform(0.5, 1.5, variance),
                ]
            )
        elif isinstance(layer, keras.layers.Dense):
            layer.set_weights(
                [rng.normal(0, 0.1, w.shape) for w in layer.weights]
            )
        elif not isinstance(layer, keras.layers.Conv2D):
            # Fusions and filters over time.
            layer.set_weights(
                [
                    ops.convert_to_numpy(w) + rng.normal(0, 0.05, w.shape)
                    for w in layer.weights
                ]
            )
    return model


def copy(source, target):
    """All weights of the target from layers of the same path."""
    weights = layers_by_path(source)
    for path, layer in layers_by_path(target).items():
        layer.set_weights(weights[path].get_weights())


def call(model, *inputs):
    """Arrays of what a model returns."""
    return keras.tree.map_structure(ops.convert_to_numpy, model(*inputs))


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def gradients(model, pixels):
    """Largest absolute gradient by the path of the weight, of a fixed random
    combination of the outputs in training."""
    pixels = {s: ops.convert_to_tensor(x, "float32") for s, x in pixels.items()}
    weights = model.trainable_variables

    def loss(outputs):
        rng = np.random.default_rng(1)
        return sum(
            ops.sum(x * rng.normal(size=x.shape).astype("float32"))
            for x in keras.tree.flatten(outputs)
        )

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(model(pixels, training=True))
        found = tape.gradient(value, [w.value for w in weights])
    else:
        import jax

        def of_weights(values):
            outputs, _ = model.stateless_call(
                values,
                [v.value for v in model.non_trainable_variables],
                pixels,
                training=True,
            )
            return loss(outputs)

        found = jax.jit(jax.grad(of_weights))([w.value for w in weights])
    return {
        weight.path: float(np.abs(ops.convert_to_numpy(gradient)).max())
        for weight, gradient in zip(weights, found, strict=True)
    }


def without_values(builder, **arguments):
    """A network whose variables have shapes and no values: for its graph and
    its counts."""
    with keras.StatelessScope(initialize_variables=False):
        return builder(**arguments)
