"""How well classes are recognized, by how many videos there were to learn
from."""

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
# The least of each group; the last one is open.
_FROM = (0, 1, 5, 20, 100, 500)


def table(scores, training):
    """The figures of the classes of a test, grouped by the number of their
    training videos, the rare ones first.

    Args:
        scores: `Scores`.
        training: dict from the name of a class to its number of training
            videos, 0 for those that it lacks; empty where that is not known.

    Returns:
        `Table` of the groups that have classes whose videos were tested:
        without rows if there are none, or nothing is known.
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


def _words(least, end):
    if end == np.inf:
        return f"{least} and more"
    return f"{least} to {end - 1}" if end - 1 > least else f"{least}"
