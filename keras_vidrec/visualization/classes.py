"""Finds classes of a network by name."""

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import checks


def names(model):
    """The names of the classes of a network; their numbers if it has none."""
    known = describe(model).class_names
    return known or tuple(map(str, range(predictions_layer(model).classes)))


def index_of(model, name):
    """The index of a class among the scores of a network.

    Raises:
        ValueError: if there is no such class; it names the nearest.
    """
    known = names(model)
    if name in known:
        return known.index(name)
    raise ValueError(
        f"The network knows no such class. {checks.hint(name, known)}Expected "
        f"one of its {len(known)} classes, such as {known[0]!r}. Received: "
        f"{name!r}"
    )


def logits_model(model):
    """The network, with the same weights, up to the class scores of a clip
    before the softmax, `(batch, classes)`."""
    logits = predictions_layer(model).input
    return keras.Model(model.input, logits, name=model.name)
