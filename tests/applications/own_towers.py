"""Towers of three layers, where `"tiny"` shows nothing more."""

import keras

from keras_vidrec.layers import BatchNormalization


def own_towers(**channels):
    """A user's models by stream, for so many channels each."""
    towers = {}
    for stream, number in channels.items():
        images = keras.Input((None, None, number))
        x = keras.layers.Conv2D(8, 3, strides=4, name="conv1")(images)
        x = BatchNormalization(name="bn_conv1")(x)
        x = keras.layers.ReLU(name="last")(x)
        towers[stream] = keras.Model(images, x, name=f"{stream}_own")
    return towers
