"""A small two-stream network that was trained, for what looks inside."""

import functools

import keras
import numpy as np

from keras_vidrec import applications
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import FlowSpec

CLASSES = ("left", "right")
CHANNELS = {"rgb": 3, "flow": 4}
SIZE = 32
SEGMENTS = 2


def tower(stream, activation="relu1"):
    images = keras.Input((None, None, CHANNELS[stream]))
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)
    x = keras.layers.Conv2D(6, 5, strides=4, name="conv1")(x)
    x = keras.layers.ReLU(name=activation)(x)
    return keras.Model(images, x, name=f"{stream}_own")


def clips(label, number=4):
    """What goes left is red and moves left, what goes right is blue."""
    rng = np.random.default_rng(label)
    found = {
        stream: rng.integers(
            96, 160, (number, SEGMENTS, SIZE, SIZE, channels), "uint8"
        )
        for stream, channels in CHANNELS.items()
    }
    found["rgb"][..., 2 * label] += 80
    found["flow"][..., 0::2] = 192 if label else 64
    return found


@functools.cache
def trained_fusion():
    """Built and trained once: looking at a network does not change it."""
    keras.utils.set_random_seed(0)
    model = applications.TwoStreamFusion(
        classes=len(CLASSES),
        backbone={stream: tower(stream) for stream in CHANNELS},
        fusion="conv3d",
        fusion_layer="relu1",
        num_segments=SEGMENTS,
        snippet_length=2,
        dropout=0.0,
    )
    layer = predictions_layer(model)
    layer.class_names = CLASSES
    layer.clip_spec = layer.clip_spec.replace(
        size=SIZE, frame={"size": "short36"}, flow=FlowSpec("dis")
    )
    by_label = [clips(label) for label in range(2)]
    pixels = {s: np.concatenate([c[s] for c in by_label]) for s in CHANNELS}
    model.compile(
        keras.optimizers.Adam(0.02),
        "sparse_categorical_crossentropy",
        run_eagerly=True,
    )
    labels = np.repeat([0, 1], len(by_label[0]["rgb"]))
    model.fit(pixels, labels, epochs=8, verbose=0)
    return model
