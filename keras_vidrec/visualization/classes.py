"""The classes of a network by name."""

import difflib

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer


def names(model):
    """Returns the names of the classes of a network, or their numbers if they
    have no names: tuple of str."""
    known = describe(model).class_names
    return known or tuple(map(str, range(predictions_layer(model).classes)))


def index_of(model, name):
    """Returns the index of a class in the scores of a network.

    Raises:
        ValueError: if there is no such class, naming the most similar one.
    """
    known = names(model)
    if name in known:
        return known.index(name)
    by_lower = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.lower(), by_lower, 1, 0.5)
    hint = f"Did you mean {by_lower[near[0]]!r}? " if near else ""
    raise ValueError(
        f"The network has no such class. {hint}Expected one of its "
        f"{len(known)} classes, such as {known[0]!r}. Received: {name!r}"
    )


def logits_model(model):
    """Returns the network, with shared weights, up to the logits of a clip,
    `(batch, classes)`."""
    logits = predictions_layer(model).input
    return keras.Model(model.input, logits, name=model.name)
