"""A network that sees the segments of a clip in their order, whose logits
anybody can work out."""

import keras
import numpy as np
from keras import ops

from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol

CHUNKS = ClipSpec(
    num_segments=5, size=16, alignment="centered", sampling="chunks",
    stride=(7, 7), ordered=True,
)  # fmt: skip
AS_TRAINED = Protocol(num_segments=None, crops="center")


def ordered_network(
    class_names,
    *,
    clip_spec=CHUNKS,
    num_segments=None,
    size=None,
    towers=(),
    test=AS_TRAINED,
):
    """Logits of a clip = f ** 2 @ kernel, where f is the mean over time of the
    sum so far of each segment's mean colors / 255.

    `kernel_of(model)` returns the kernel. With `towers` the network has as
    many auxiliary outputs, of logits that are not those of `predictions`.
    """
    inputs = {
        modality: keras.Input(
            (num_segments, size, size, clip_spec.channels(modality)),
            dtype="uint8",
            name=modality,
        )
        for modality in clip_spec.modalities
    }
    colors = [
        ops.mean(ops.cast(clip, "float32") / 255, axis=(2, 3))
        for clip in inputs.values()
    ]
    features = ops.square(
        ops.mean(ops.cumsum(ops.concatenate(colors, axis=-1), axis=1), axis=1)
    )
    kernel = np.random.default_rng(0).normal(
        scale=0.1, size=(features.shape[-1], len(class_names))
    )
    dense = keras.layers.Dense(
        len(class_names), use_bias=False, name="clip_logits"
    )
    logits = dense(features)
    dense.set_weights([kernel])
    outputs = ClassScores(
        "softmax",
        class_names,
        clip_spec=clip_spec,
        test_protocol=test,
        name="predictions",
    )(logits)
    if towers:
        outputs = {"predictions": outputs}
        for number, tower in enumerate(towers, start=1):
            outputs[tower] = ClassScores(
                "softmax", name=f"{tower}_predictions"
            )(logits + number)
    if len(inputs) == 1:
        (inputs,) = inputs.values()
    return keras.Model(inputs, outputs, name="ordered")


def kernel_of(model):
    (kernel,) = model.get_layer("clip_logits").get_weights()
    return kernel


def expected_logits(colors, kernel):
    """From the mean colors / 255 `(num_clips, num_segments, channels)` of
    clips to their mean logits, in NumPy."""
    features = np.cumsum(colors, axis=1).mean(axis=1) ** 2
    return (features @ kernel).mean(axis=0)
