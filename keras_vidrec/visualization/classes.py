"""The classes of a network by name."""

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import checks


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
    raise ValueError(
        f"The network has no such class. {checks.hint(name, known)}Expected "
        f"one of its {len(known)} classes, such as {known[0]!r}. Received: "
        f"{name!r}"
    )


def logits_model(model):
    """Returns the network, with shared weights, up to the logits of a clip,
    `(batch, classes)`."""
    logits = predictions_layer(model).input
    return keras.Model(model.input, logits, name=model.name)
