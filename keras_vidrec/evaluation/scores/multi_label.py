"""Figures of merit of class scores where videos have several labels."""

import typing

import numpy as np
import scipy.special
import sklearn.metrics

from keras_vidrec.specs import THRESHOLD


class LabelTable(typing.NamedTuple):
    """Figures of each class, NaN where there is nothing to count.

    Args:
        videos: int array `(classes,)`. Videos that show the class.
        average_precisions: float array `(classes,)`. Mean of the precisions at
            each of these videos, in the order of the scores.
        thresholds: float array `(classes,)`. The probability from which on the
            class counts as present.
        precisions: float array `(classes,)`. Share of the videos of which it
            is said that show it.
        recalls: float array `(classes,)`. Share of the videos that show it of
            which it is said.
        f1: float array `(classes,)`. Harmonic mean of the two.
    """

    videos: np.ndarray
    average_precisions: np.ndarray
    thresholds: np.ndarray
    precisions: np.ndarray
    recalls: np.ndarray
    f1: np.ndarray


def summary(scores):
    """The figures of a test of several labels per video.

    Args:
        scores: `Scores` whose labels are sets.

    Returns:
        dict of float in [0, 1]: `mean_average_precision` (scikit-learn's
        average precision, the mean over the classes that some video shows);
        and of the scores of sigmoids, at their thresholds, `micro_f1` (of all
        labels together) and `mean_class_f1` (the mean over the same classes).
        NaN if no labels are known.
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
    """Names of the classes that no video of known labels shows: they are not
    in the means."""
    videos = scores.labels[scores.known].sum(axis=0)
    return tuple(np.asarray(scores.classes)[videos == 0].tolist())


def has_probabilities(scores) -> bool:
    """Whether the sigmoid of scores is a probability: of networks that have
    one, and of fused scores that were not normalized."""
    return bool(scores.meta.get("multi_label"))


def thresholds(scores) -> np.ndarray:
    """The probability from which on each class counts as present: those of the
    network that was tested, else 0.5.
    """
    found = scores.meta.get("thresholds")
    if found is None:
        return np.full(len(scores.classes), THRESHOLD)
    return np.asarray(found, "float64")


def predicted(scores) -> np.ndarray:
    """Which classes count as present: bool `(videos, classes)`."""
    chances = scipy.special.expit(scores.scores.astype("float64"))
    return chances >= thresholds(scores)


def label_table(scores) -> LabelTable:
    """Figures of each class, of the videos whose labels are known."""
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


def _mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")
