"""Chooses thresholds for networks with a sigmoid for each class: a class is
present if its probability is at least the threshold.
"""

import logging

import numpy as np

from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.failures import Failures
from keras_vidrec.specs import THRESHOLD

logger = logging.getLogger("keras_vidrec")

_NAMED = 5


def choose(probabilities, shown):
    """Chooses for each class the threshold with the largest F1 score.

    A threshold is midway between two successive probabilities, or between the
    lowest and 0. If several have the same F1 score, the highest is chosen.

    Args:
        probabilities: float array `(videos, classes)`.
        shown: array `(videos, classes)` of 0 and 1. Whether a class is present
            in a video.

    Returns:
        float64 array `(classes,)`; 0.5 for classes that are in no video.
    """
    found = np.full(np.shape(probabilities)[1], THRESHOLD)
    for one, (values, right) in enumerate(
        zip(np.transpose(probabilities), np.transpose(shown))
    ):
        if not right.any():
            continue
        order = np.argsort(-values, kind="stable")
        values = values[order]
        taken = np.arange(1, len(order) + 1)
        f1 = 2 * np.cumsum(right[order]) / (taken + right.sum())
        # No threshold can separate equal probabilities.
        f1[:-1][values[:-1] == values[1:]] = -1
        best = int(f1.argmax())
        found[one] = (values[best] + np.append(values, 0.0)[best + 1]) / 2
    return found


def complete(path, data):
    """Chooses the thresholds of a trained network on the validation part, with
    clips as in validation, and saves them in its file. Logs classes that are in
    no validation video.

    Args:
        path: path of the `.keras` file.
        data: `Dataset` of the training.
    """
    model = model_file.load(path)
    layer = head.predictions_layer(model)
    network = head.clip_logits_model(model)
    clips = pipeline.make(
        data.source,
        layer.clip_spec,
        data.validation,
        training=False,
        batch_size=data.recipe.optimizer.batch_size,
        failures=Failures(len(data.validation)),
    )
    logits, weights = [], []
    for inputs, _, weight in clips.as_numpy_iterator():
        logits.append(network.predict_on_batch(inputs))
        weights.append(weight)
    read = np.concatenate(weights) > 0
    shown = label_sets.multi_hot(
        [data.source.labels[index] for index in data.validation],
        len(data.source.classes),
    )[read]
    probabilities = layer.probabilities(np.concatenate(logits)[read])
    layer.thresholds = choose(probabilities, shown).tolist()
    model_file.save(model, path)
    never = [
        data.source.classes[one] for one in np.flatnonzero(~shown.any(axis=0))
    ]
    if never:
        logger.warning(
            "The validation part has no video of %s%s: the threshold is %g.",
            ", ".join(map(repr, never[:_NAMED])),
            f" and {len(never) - _NAMED} others" if never[_NAMED:] else "",
            THRESHOLD,
        )
