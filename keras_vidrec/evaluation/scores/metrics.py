"""Figures of merit of class scores."""

import typing
import warnings

import numpy as np
import scipy.stats
import sklearn.metrics

from keras_vidrec.evaluation.scores import calibration
from keras_vidrec.evaluation.scores import multi_label
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import checks

# As the papers have it.
_TOP = 5


class ClassTable(typing.NamedTuple):
    """Figures of each class, NaN where there is nothing to count.

    Args:
        videos: int array `(classes,)`. Videos of the class.
        accuracies: float array `(classes,)`. Share of them that were found
            (the recall), NaN for a class without videos.
        precisions: float array `(classes,)`. Share of the videos taken for
            the class that are of it, NaN if none was.
        f1: float array `(classes,)`. Harmonic mean of the two.
    """

    videos: np.ndarray
    accuracies: np.ndarray
    precisions: np.ndarray
    f1: np.ndarray


def summary(scores: Scores, k: int | None = None) -> dict[str, float]:
    """The figures of a test.

    Args:
        scores: `Scores`.
        k: `None`, or int, at most as many as there are classes: the best
            classes of a video among which its own counts as found. Defaults to
            `None`: 5 where there are more classes than that.

    Returns:
        dict of float in [0, 1]: `top_1`, `mean_class_accuracy`, and where there
        are such `top_5` (of another `k` that number) and `calibration_error`,
        of `calibration.BINS` bins; of several labels per video those of
        `multi_label.summary`.

    Raises:
        ValueError: if there are fewer than `k` classes.
    """
    if scores.several:
        return multi_label.summary(scores)
    num_classes = len(scores.classes)
    if k is None:
        k = _TOP if num_classes > _TOP else 1
    checks.check(
        checks.is_integer(k) and 1 <= k <= num_classes,
        "k",
        f"a number from 1 to {num_classes}, as many as there are classes",
        k,
    )
    figures = {"top_1": top_k_accuracy(scores.scores, scores.labels)}
    if k > 1:
        figures[f"top_{k}"] = top_k_accuracy(scores.scores, scores.labels, k)
    figures["mean_class_accuracy"] = mean_class_accuracy(
        scores.scores, scores.labels
    )
    error = calibration.error(scores)
    if not np.isnan(error):
        figures["calibration_error"] = error
    return figures


def mean_summary(scores, k=None):
    """The figures of the papers' tables: the means over splits, of which each
    has its `Scores`, of what `summary` gives of all of them. `k` as there."""
    figures = [summary(one, k) for one in scores]
    return {
        name: float(np.mean([figure[name] for figure in figures]))
        for name in figures[0]
        if all(name in figure for figure in figures)
    }


def top_k_accuracy(scores, labels, k=1):
    """Share of videos whose class is among the `k` best scores; NaN if no label
    is known.

    Of equal scores the one of the earlier class counts as better, as for
    `argmax`, so that all the figures agree on what was recognized. (Keras
    counts all that tie as found, scikit-learn prefers the later class.)

    Args:
        scores: float array `(videos, classes)`.
        labels: int array `(videos,)`, -1 where unknown (left out).
        k: int. Defaults to `1`.
    """
    scores, labels = _labeled(scores, labels)
    if not len(labels):
        return float("nan")
    own = scores[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(scores.shape[1]) < labels[:, None]
    better = (scores > own) | ((scores == own) & earlier)
    return float(np.mean(better.sum(axis=1) < k))


def accuracy_interval(scores, labels, confidence=0.95):
    """Interval of the top-1 accuracy, by Wilson's score method: low and high,
    NaN if no label is known.

    It takes the videos for independent ones; clips cut from one video are
    not, and the true interval of such a set is wider.
    """
    hits = is_hit(scores, labels)
    if not len(hits):
        return float("nan"), float("nan")
    interval = scipy.stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(
        confidence, method="wilson"
    )
    return float(interval.low), float(interval.high)


def is_hit(scores, labels):
    """Which videos of known class have the best score for it: bool `(videos of
    known class,)`."""
    scores, labels = _labeled(scores, labels)
    return scores.argmax(axis=1) == labels


def confusion_matrix(scores, labels):
    """Counts of the videos of known class, int `(classes, classes)`: the row is
    the class, the column what it was taken for."""
    num_classes = np.shape(scores)[1]
    scores, labels = _labeled(scores, labels)
    if not len(labels):
        return np.zeros((num_classes, num_classes), int)
    with warnings.catch_warnings():
        # It doubts that a network can have one class only.
        warnings.simplefilter("ignore", UserWarning)
        return sklearn.metrics.confusion_matrix(
            labels, scores.argmax(axis=1), labels=np.arange(num_classes)
        )


def class_table(scores, labels):
    """Figures of each class, of the videos whose class is known."""
    num_classes = np.shape(scores)[1]
    scores, labels = _labeled(scores, labels)
    if not len(labels):
        nothing = np.full(num_classes, np.nan)
        return ClassTable(np.zeros(num_classes, int), *[nothing] * 3)
    precisions, accuracies, f1, videos = (
        sklearn.metrics.precision_recall_fscore_support(
            labels,
            scores.argmax(axis=1),
            labels=np.arange(num_classes),
            zero_division=np.nan,
        )
    )
    return ClassTable(videos, accuracies, precisions, f1)


def class_accuracies(scores, labels):
    """Top-1 accuracy of each class, NaN for one without videos."""
    return class_table(scores, labels).accuracies


def mean_class_accuracy(scores, labels):
    """Mean of the accuracies of the classes that have videos; NaN if none has.

    What the published figures of TSN are (the authors' `eval_scores.py`), and
    scikit-learn's balanced accuracy, which warns of classes without videos.
    """
    accuracies = class_accuracies(scores, labels)
    known = accuracies[~np.isnan(accuracies)]
    return float(known.mean()) if len(known) else float("nan")


def _labeled(scores, labels):
    scores, labels = np.asarray(scores), np.asarray(labels)
    known = labels >= 0
    return scores[known], labels[known]
