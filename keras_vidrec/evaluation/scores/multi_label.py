"""Metrics of class scores for videos with several labels."""

import typing

import numpy as np
import scipy.special
import sklearn.metrics

from keras_vidrec.specs import THRESHOLD


class LabelTable(typing.NamedTuple):
    """Metrics of each class, NaN where undefined.

    Attributes:
        videos: int array `(classes,)`. Number of videos of the class.
        average_precisions: float array `(classes,)`. Mean of the precisions at
            each of these videos, in the order of the scores.
        thresholds: float array `(classes,)`. The class is present if its
            probability is at least the threshold.
        precisions: float array `(classes,)`. Share of the videos predicted to
            have the class that have it.
        recalls: float array `(classes,)`. Share of the videos of the class that
            are predicted to have it.
        f1: float array `(classes,)`. Harmonic mean of the two.
    """

    videos: np.ndarray
    average_precisions: np.ndarray
    thresholds: np.ndarray
    precisions: np.ndarray
    recalls: np.ndarray
    f1: np.ndarray


def summary(scores):
    """Returns the figures of a test with several labels per video.

    Args:
        scores: `Scores` with several labels per video.

    Returns:
        dict of float in [0, 1]: `mean_average_precision` (the mean of
        scikit-learn's average precision over the classes that occur); and for
        scores of sigmoids, at their thresholds, `micro_f1` (over all labels
        together) and `mean_class_f1` (the mean over the same classes). NaN if
        no labels are known.
    """
    table = label_table(scores)
    shown = table.videos > 0
    figures = {"mean_average_precision": _mean(table.average_precisions[shown])}
    if has_probabilities(scores):
        known = scores.known
        figures["micro_f1"] = float("nan")
        if known.any():
            figures["micro_f1"] = sklearn.metrics.f1_score(
                scores.labels[known],
                predicted(scores)[known],
                average="micro",
                zero_division=0.0,
            )
        figures["mean_class_f1"] = _mean(table.f1[shown])
    return {name: float(value) for name, value in figures.items()}


def classes_left_out(scores) -> tuple:
    """Returns the names of the classes that occur in no video of known labels,
    and are not in the means."""
    videos = scores.labels[scores.known].sum(axis=0)
    return tuple(np.asarray(scores.classes)[videos == 0].tolist())


def has_probabilities(scores) -> bool:
    """Returns whether the sigmoid of scores is a probability, as for networks
    with sigmoids and for fused scores that were not normalized."""
    return bool(scores.meta.get("multi_label"))


def thresholds(scores) -> np.ndarray:
    """Returns the thresholds of the classes, float64 `(classes,)`: those of the
    network that was tested, else 0.5.
    """
    found = scores.meta.get("thresholds")
    if found is None:
        return np.full(len(scores.classes), THRESHOLD)
    return np.asarray(found, "float64")


def predicted(scores) -> np.ndarray:
    """Returns whether each class is predicted: bool `(videos, classes)`."""
    chances = scipy.special.expit(scores.scores.astype("float64"))
    return chances >= thresholds(scores)


def label_table(scores) -> LabelTable:
    """Returns the `LabelTable` of the videos whose labels are known."""
    known = scores.known
    labels, values = scores.labels[known], scores.scores[known]
    videos = labels.sum(axis=0) if len(labels) else 0 * thresholds(scores)
    videos = videos.astype(int)
    nothing = np.full(len(videos), np.nan)
    averages = nothing.copy()
    for one in np.flatnonzero(videos):
        averages[one] = sklearn.metrics.average_precision_score(
            labels[:, one], values[:, one]
        )
    found = [nothing] * 3
    if len(labels) and has_probabilities(scores):
        found = sklearn.metrics.precision_recall_fscore_support(
            labels, predicted(scores)[known], average=None, zero_division=np.nan
        )[:3]
    return LabelTable(videos, averages, thresholds(scores), *found)


def _mean(values: np.ndarray) -> float:
    """The mean of the values that are not NaN; NaN if all are."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")
