"""Figures of classes by the number of their training videos."""

import numpy as np

from keras_vidrec.data import imbalance
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores import multi_label
from keras_vidrec.reporting.tables import Table

_SIZES = ("training_videos", "classes", "videos")
_HEADER = (*_SIZES, "top_1", "mean_class_accuracy")
_HEADER_OF_LABELS = (*_SIZES, "mean_average_precision", "mean_class_f1")
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
        `Table` of the groups that contain tested classes: accuracies, or, if
        videos have several labels, means over the classes of average precision
        and F1 (NaN without thresholds). It has no rows if `training` is empty
        or no video has a label.
    """
    header = _HEADER_OF_LABELS if scores.several else _HEADER
    if not training or not scores.known.any():
        return Table(header, ())
    counts = np.array([training.get(name, 0) for name in scores.classes])
    if scores.several:
        figures = multi_label.label_table(scores)
    else:
        figures = metrics.class_table(scores.scores, scores.labels)
    rows = []
    for least, end in zip(_FROM, (*_FROM[1:], np.inf)):
        inside = (counts >= least) & (counts < end) & (figures.videos > 0)
        if not inside.any():
            continue
        videos = figures.videos[inside]
        sizes = (_words(least, end), int(inside.sum()), int(videos.sum()))
        if scores.several:
            means = figures.average_precisions[inside], figures.f1[inside]
            rows.append((*sizes, *(float(mean.mean()) for mean in means)))
            continue
        accuracies = figures.accuracies[inside]
        share = float(accuracies @ videos / videos.sum())
        rows.append((*sizes, share, float(accuracies.mean())))
    return Table(header, tuple(rows))


def shown(scores) -> tuple:
    """Returns how the table is shown: the headings of its columns and their
    kinds, and a sentence about what helps rare classes."""
    columns = [
        ("Training videos", "text"),
        ("Classes", "number"),
        ("Videos", "number"),
    ]
    if scores.several:
        columns += [("Mean average precision", "bar"), ("Mean F1", "share")]
    else:
        columns += [("Top-1", "share"), ("Mean class", "bar")]
    return columns, imbalance.remedy(scores.several)


def _words(least: int, end: float) -> str:
    """Returns a range of numbers, without `end`, as text."""
    if end == np.inf:
        return f"{least} and more"
    return f"{least} to {end - 1}" if end - 1 > least else f"{least}"
