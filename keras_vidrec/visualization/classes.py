"""Finds classes of a network by name."""

import difflib

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer


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
    by_lower = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.lower(), by_lower, 1, 0.5)
    hint = f"Did you mean {by_lower[near[0]]!r}? " if near else ""
    raise ValueError(
        f"The network knows no such class. {hint}Expected one of its "
        f"{len(known)} classes, such as {known[0]!r}. Received: {name!r}"
    )


def logits_model(model):
    """The network, with the same weights, up to the class scores of a clip
    before the softmax, `(batch, classes)`."""
    logits = predictions_layer(model).input
    return keras.Model(model.input, logits, name=model.name)
