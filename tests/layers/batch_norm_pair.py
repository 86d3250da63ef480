"""Our batch normalization beside that of Keras."""

import keras
import numpy as np

from keras_vidrec.layers.batch_normalization import BatchNormalization


def pair(shape, **kwargs):
    """Our layer and the Keras one, with equal random weights."""
    ours = BatchNormalization(**kwargs)
    theirs = keras.layers.BatchNormalization(**kwargs)
    rng = np.random.default_rng(1)
    for layer in (ours, theirs):
        layer.build(shape)
    values = [rng.uniform(0.5, 2, w.shape) for w in ours.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    return ours, theirs


def step(layer, x, weights):
    """Outputs of a training step and the gradients of their weighted sum."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(tf.cast(y, "float32") * weights)
    variables = [v.value for v in layer.trainable_variables]
    return y, tape.gradient(loss, [x, *variables])


def small_network(layer, **kwargs):
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, name="conv"),
            layer(momentum=0.5, name="bn_1", **kwargs),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(2, name="dense"),
        ]
    )
