"""Metrics of class scores."""

import typing
import warnings

import numpy as np
import scipy.stats
import sklearn.metrics

from keras_vidrec.evaluation.scores import calibration
from keras_vidrec.evaluation.scores import multi_label
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import checks

# The papers report top-5 accuracy.
_TOP = 5


class ClassTable(typing.NamedTuple):
    """Metrics of each class.

    Attributes:
        videos: int array `(classes,)`. Number of videos of the class.
        accuracies: float array `(classes,)`. Share of them that are classified
            correctly (the recall), NaN for a class without videos.
        precisions: float array `(classes,)`. Share of the videos classified as
            this class that are of it, NaN if there are none.
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
        k: `None`, or int, at most the number of classes: also compute the top-k
            accuracy. Defaults to `None`: 5 if there are more than 5 classes.

    Returns:
        dict of float in [0, 1]: `top_1`, `mean_class_accuracy`, `top_5` (or
        another `k`) if it is computed, and `calibration_error`, with
        `calibration.BINS` bins, if scores correspond to probabilities. With
        several labels per video, the figures of `multi_label.summary`.

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
    """Returns the means over splits of the figures of `summary`, as in the
    papers' tables.

    Args:
        scores: sequence of `Scores`, one for each split.
        k: as for `summary`. Defaults to `None`.

    Returns:
        dict of float: the figures that all splits have.
    """
    figures = [summary(one, k) for one in scores]
    return {
        name: float(np.mean([figure[name] for figure in figures]))
        for name in figures[0]
        if all(name in figure for figure in figures)
    }


def top_k_accuracy(scores, labels, k=1):
    """Returns the share of videos whose class is among the `k` best scores; NaN
    if no label is known.

    If scores are equal, the earlier class is better, as for `argmax`, so that
    all figures are consistent. (Keras counts all classes with equal scores as
    correct; scikit-learn prefers the later class.)

    Args:
        scores: float array `(videos, classes)`.
        labels: int array `(videos,)`, -1 for unknown labels, which are left
            out.
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
    """Returns the confidence interval of the top-1 accuracy by Wilson's score
    method, as `(low, high)`; NaN if no label is known.

    It assumes independent videos. Clips cut from one video are not independent,
    and their true interval is wider.

    Args:
        scores, labels: as for `top_k_accuracy`.
        confidence: float in (0, 1). Defaults to `0.95`.
    """
    hits = is_hit(scores, labels)
    if not len(hits):
        return float("nan"), float("nan")
    interval = scipy.stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(
        confidence, method="wilson"
    )
    return float(interval.low), float(interval.high)


def is_hit(scores, labels):
    """Returns whether each video of known class is classified correctly: bool
    `(videos of known class,)`."""
    scores, labels = _labeled(scores, labels)
    return scores.argmax(axis=1) == labels


def confusion_matrix(scores, labels):
    """Returns the counts of the videos of known class, int `(classes,
    classes)`: rows are true classes, columns predicted classes."""
    num_classes = np.shape(scores)[1]
    scores, labels = _labeled(scores, labels)
    if not len(labels):
        return np.zeros((num_classes, num_classes), int)
    with warnings.catch_warnings():
        # scikit-learn warns if there is only one class.
        warnings.simplefilter("ignore", UserWarning)
        return sklearn.metrics.confusion_matrix(
            labels, scores.argmax(axis=1), labels=np.arange(num_classes)
        )


def class_table(scores, labels):
    """Returns the `ClassTable` of the videos of known class."""
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
    """Returns the top-1 accuracy of each class, float `(classes,)`, NaN for
    classes without videos."""
    return class_table(scores, labels).accuracies


def mean_class_accuracy(scores, labels):
    """Returns the mean accuracy of the classes that have videos; NaN if none
    has.

    The published figures of TSN are of this kind (the authors'
    `eval_scores.py`). It is equal to scikit-learn's balanced accuracy, which
    warns if classes have no videos.
    """
    accuracies = class_accuracies(scores, labels)
    known = accuracies[~np.isnan(accuracies)]
    return float(known.mean()) if len(known) else float("nan")


def _labeled(scores, labels):
    """The scores and labels of videos of known class."""
    scores, labels = np.asarray(scores), np.asarray(labels)
    known = labels >= 0
    return scores[known], labels[known]
