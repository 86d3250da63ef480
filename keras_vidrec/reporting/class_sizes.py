"""Accuracy of classes by the number of their training videos."""

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.reporting.tables import Table

_HEADER = (
    "training_videos",
    "classes",
    "videos",
    "top_1",
    "mean_class_accuracy",
)
# Smallest number of training videos of each group.
_FROM = (0, 1, 5, 20, 100, 500)


def table(scores, training):
    """Returns the figures of groups of classes with a similar number of
    training videos, the rarest first.

    Args:
        scores: `Scores`.
        training: dict from the name of a class to its number of training
            videos (missing classes have 0), or empty if it is not known.

    Returns:
        `Table` of the groups that contain tested classes. It has no rows if
        `training` is empty, no video has a label, or videos have several
        labels.
    """
    known = scores.labels >= 0
    if not training or np.ndim(scores.labels) != 1 or not known.any():
        return Table(_HEADER, ())
    counts = np.array([training.get(name, 0) for name in scores.classes])
    figures = metrics.class_table(scores.scores, scores.labels)
    rows = []
    for least, end in zip(_FROM, (*_FROM[1:], np.inf)):
        inside = (counts >= least) & (counts < end) & (figures.videos > 0)
        if not inside.any():
            continue
        videos = figures.videos[inside]
        accuracies = figures.accuracies[inside]
        rows.append(
            (
                _words(least, end),
                int(inside.sum()),
                int(videos.sum()),
                float(accuracies @ videos / videos.sum()),
                float(accuracies.mean()),
            )
        )
    return Table(_HEADER, tuple(rows))


def _words(least: int, end: float) -> str:
    """Returns a range of numbers, without `end`, as text."""
    if end == np.inf:
        return f"{least} and more"
    return f"{least} to {end - 1}" if end - 1 > least else f"{least}"
