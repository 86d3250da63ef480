"""A small network of two streams, whose logits anybody can work out."""

import keras
import numpy as np

from keras_vidrec.layers import BatchNormalization
from keras_vidrec.layers import ClassScores
from keras_vidrec.layers import ScoreFusion
from keras_vidrec.specs import ClipSpec

SPEC = ClipSpec(
    modalities=("rgb", "flow"),
    num_segments=2,
    snippet_length=2,
    alignment="centered",
    sampling="chunks",
    stride=(1, 2),
    size=16,
)


def two_towers(class_names, *, dropout=0.0, normalize=False):
    """Logits of a stream = mean of each channel / 255 @ kernel + bias.

    With `normalize`, batch normalization of the pixels comes first, in a
    nested tower each.
    """
    inputs, logits = {}, {}
    for stream in SPEC.modalities:
        channels = SPEC.channels(stream)
        clip = keras.Input((2, None, None, channels), name=stream)
        inputs[stream] = clip
        x = keras.layers.Rescaling(1 / 255)(clip)
        x = keras.layers.GlobalAveragePooling3D()(x)
        if normalize:
            tower_input = keras.Input((channels,))
            normalized = BatchNormalization(momentum=0.5, name="bn")(
                # A bias would have no gradient.
                keras.layers.Dense(4, use_bias=False, name="conv1")(tower_input)
            )
            x = keras.Model(tower_input, normalized, name=f"{stream}_tower")(x)
        x = keras.layers.Dropout(dropout, name=f"{stream}_dropout")(x)
        logits[stream] = keras.layers.Dense(
            len(class_names), name=f"{stream}_logits"
        )(x)
    joint = ScoreFusion((1, 1), name="score_fusion")(list(logits.values()))
    outputs = {
        "predictions": ClassScores(
            "softmax", class_names, clip_spec=SPEC, name="predictions"
        )(joint)
    }
    for stream, scores in logits.items():
        outputs[stream] = ClassScores(name=f"{stream}_predictions")(scores)
    return keras.Model(inputs, outputs, name="two_towers")


def clips(number, seed=0, size=8):
    """Random clips, and their labels of three classes."""
    rng = np.random.default_rng(seed)
    pixels = {
        stream: rng.integers(
            0, 256, (number, 2, size, size, SPEC.channels(stream)), "uint8"
        )
        # Means that differ: there is something to learn.
        // rng.integers(1, 9, (number, 1, 1, 1, SPEC.channels(stream)))
        for stream in SPEC.modalities
    }
    return (
        {stream: x.astype("uint8") for stream, x in pixels.items()},
        rng.integers(0, 3, number).astype("int32"),
    )
