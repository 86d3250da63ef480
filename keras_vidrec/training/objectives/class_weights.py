"""Weights of classes in the loss."""

import difflib

import keras
import numpy as np

from keras_vidrec.data import imbalance
from keras_vidrec.data import video_order
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import checks

_NAME = "loss.class_weights"


def of(data):
    """The class weights that a recipe sets.

    Args:
        data: `Dataset` with its recipe.

    Returns:
        `None` (equal weights), or float32 array `(classes,)` whose mean over
        the videos of an epoch is 1. With `"auto"`, a class without training
        videos has weight 1.

    Raises:
        ArgumentError: if there is no class of a name, or a video may have
            several classes.
    """
    wanted, source = data.recipe.loss.class_weights, data.source
    if wanted is None:
        return None
    several = label_sets.are_sets(source.labels)
    expected = "null where a video may have several classes"
    checks.check(not several, _NAME, expected, wanted)
    counts = np.array([*imbalance.counts(source, data.train).values()])
    if wanted == "auto":
        weights = 1 / np.maximum(counts, 1)
    else:
        _check_names(wanted, source.classes)
        weights = np.array([wanted.get(name, 1.0) for name in source.classes])
    shares = video_order.shares(counts, data.recipe.data.sampling)
    weights = weights / (shares @ weights)
    if wanted == "auto":
        weights = np.where(counts > 0, weights, 1.0)
    return weights.astype("float32")


def _check_names(wanted: dict, classes: tuple[str, ...]) -> None:
    for name in wanted:
        (near,) = difflib.get_close_matches(name, classes, 1, 0.0)
        expected = f"names of classes, unlike {name!r}, such as {near!r}"
        checks.check(name in classes, _NAME, expected, wanted)


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ClassWeighted(keras.losses.Loss):
    """A loss multiplied by the weight of the class of each label. For labels
    that are shares of several classes, by the mean weight of these classes.

    Args:
        loss: `keras.losses.Loss` whose labels are class indices `(batch,)`, or
            shares of classes `(batch, classes)`.
        weights: float array `(classes,)`.
    """

    def __init__(self, loss, weights, **kwargs):
        if isinstance(loss, dict):
            loss = keras.saving.deserialize_keras_object(loss)
        super().__init__(**{"name": loss.name, **kwargs})
        self._loss = loss
        self._weights = np.asarray(weights, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "loss": keras.saving.serialize_keras_object(self._loss),
            "weights": self._weights.tolist(),
        }

    def call(self, y_true, y_pred):
        weights = keras.ops.convert_to_tensor(self._weights)
        if y_true.shape[-1] == len(self._weights):
            shares = keras.ops.cast(y_true, "float32")
            own = keras.ops.sum(shares * weights, axis=-1)
        else:  # indices; Keras may have added an axis
            labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
            own = keras.ops.take(weights, labels, axis=0)
        return self._loss.call(y_true, y_pred) * own
