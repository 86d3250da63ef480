"""Figures of merit of class scores, in NumPy."""

import numpy as np


def top_k_accuracy(scores, labels, k=1):
    """Share of videos whose class is among the `k` best scores.

    Of equal scores the one of the earlier class counts as better, as for
    `argmax`, so that all the figures agree on what was recognised.

    Args:
        scores: float array `(videos, classes)`.
        labels: int array `(videos,)`, -1 where unknown (left out).
        k: int. Defaults to `1`.

    Returns:
        float in [0, 1]; NaN if no label is known.
    """
    scores, labels = _labelled(scores, labels)
    if not len(labels):
        return float("nan")
    own = scores[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(scores.shape[1]) < labels[:, None]
    better = (scores > own) | ((scores == own) & earlier)
    return float(np.mean(better.sum(axis=1) < k))


def class_accuracies(scores, labels):
    """Top-1 accuracy of each class, NaN for one without videos.

    Args:
        scores: float array `(videos, classes)`.
        labels: int array `(videos,)`, -1 where unknown (left out).

    Returns:
        float array `(classes,)`.
    """
    num_classes = np.shape(scores)[1]
    scores, labels = _labelled(scores, labels)
    hit = scores.argmax(axis=1) == labels
    hits = np.bincount(labels, hit, num_classes)
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts > 0, hits / np.maximum(counts, 1), np.nan)


def mean_class_accuracy(scores, labels):
    """Mean of the accuracies of the classes that have videos.

    What the published figures of TSN are (the authors' `eval_scores.py`).

    Args:
        scores: float array `(videos, classes)`.
        labels: int array `(videos,)`, -1 where unknown (left out).

    Returns:
        float in [0, 1]; NaN if no label is known.
    """
    accuracies = class_accuracies(scores, labels)
    known = accuracies[~np.isnan(accuracies)]
    return float(known.mean()) if len(known) else float("nan")


def _labelled(scores, labels):
    scores, labels = np.asarray(scores), np.asarray(labels)
    known = labels >= 0
    return scores[known], labels[known]
