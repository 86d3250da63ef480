"""A network without a backbone, whose logits anybody can work out."""

import keras
import numpy as np

from keras_vidrec.applications.parts.head import class_head
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol

_SPEC = ClipSpec(size=32)
CENTER = Protocol(num_segments=25, crops="center")


def mean_color_network(
    class_names=None,
    *,
    classes=None,
    num_segments=None,
    size=None,
    consensus="avg",
    activation="softmax",
    clip_spec=_SPEC,
    test=CENTER,
):
    """Logits of a segment = mean of each channel / 255 @ kernel + bias.

    `kernel_and_bias(model)` returns the two.
    """
    inputs = {
        modality: keras.Input(
            (num_segments, size, size, clip_spec.channels(modality)),
            dtype="uint8",
            name=modality,
        )
        for modality in clip_spec.modalities
    }
    features = [
        keras.ops.mean(keras.ops.cast(clip, "float32") / 255, axis=(2, 3))
        for clip in inputs.values()
    ]
    outputs = class_head(
        features[0]
        if len(features) == 1
        else keras.ops.concatenate(features, -1),
        classes=classes or len(class_names),
        dropout=0.5,
        consensus=consensus,
        activation=activation,
        clip_spec=clip_spec,
    )
    if len(inputs) == 1:
        (inputs,) = inputs.values()
    model = keras.Model(inputs, outputs, name="mean_color")
    predictions_layer(model).class_names = class_names
    predictions_layer(model).test_protocol = test
    rng = np.random.default_rng(0)
    layer = model.get_layer("logits")
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return model


def kernel_and_bias(model):
    return model.get_layer("logits").get_weights()


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
