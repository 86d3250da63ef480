"""Score files of several streams as one."""

import math

import numpy as np

from keras_vidrec.evaluation.score_file import Scores


def fuse(scores, weights=None):
    """Fuses the scores of several networks for the same videos.

    The weighted mean of the logits, video by video: it finds the classes of
    the weighted sum of the papers (TSN, section 3.3), and is what
    `applications.LateFusion` makes of the networks themselves. Worked out in
    float64.

    Args:
        scores: sequence of at least two `Scores`: the same videos in any
            order, the same classes in one order.
        weights: `None` (all the same), or sequence of one positive number
            for each. Defaults to `None`.

    Returns:
        `Scores`, with the videos in the order of the first. A label that is
        unknown in one is taken from another. `meta` holds the weights as
        `fusion_weights` and each `meta` as `fused`.

    Raises:
        ValueError: if the videos, the classes or the known labels differ, or
            on invalid weights.
    """
    scores = tuple(scores)
    if len(scores) < 2:
        raise ValueError(
            f"Expected at least two scores to fuse. Received: {len(scores)}"
        )
    weights = _checked(weights, len(scores))
    first = scores[0]
    total = np.zeros(first.scores.shape)
    labels = np.full(first.labels.shape, -1)
    for number, (one, weight) in enumerate(zip(scores, weights), start=1):
        order = _order(first, one, number)
        total += weight * one.scores[order].astype("float64")
        labels = _joined(first.videos, labels, one.labels[order], number)
    return Scores(
        videos=first.videos,
        scores=total / sum(weights),
        labels=labels,
        classes=first.classes,
        meta={
            "fusion_weights": list(weights),
            "fused": [one.meta for one in scores],
        },
    )


def _checked(weights, number):
    weights = (1.0,) * number if weights is None else tuple(weights)
    if len(weights) != number or not all(
        isinstance(weight, (int, float))
        and math.isfinite(weight)
        and weight > 0
        for weight in weights
    ):
        raise ValueError(
            f"Invalid `weights`. Expected {number} positive numbers, one for "
            f"each of the scores. Received: weights={weights}"
        )
    return weights


def _order(first, other, number):
    """Where the videos of the first are in the other one."""
    if other.classes != first.classes:
        raise ValueError(
            "Expected scores of the same classes in one order. Received: "
            f"{_difference(first.classes, other.classes)} in number {number}"
        )
    places = {video: place for place, video in enumerate(other.videos)}
    missing = [video for video in first.videos if video not in places]
    more = len(other.videos) - len(first.videos) + len(missing)
    if missing or more:
        raise ValueError(
            "Expected scores of the same videos. Received: number "
            f"{number} lacks {len(missing)} ({missing[:3]}) and has {more} "
            "that the first has not"
        )
    return [places[video] for video in first.videos]


def _difference(first, other):
    if len(first) != len(other):
        return f"{len(other)} classes for {len(first)}"
    pair = next((a, b) for a, b in zip(first, other) if a != b)
    return f"{pair[1]!r} for {pair[0]!r}"


def _joined(videos, labels, others, number):
    wrong = (labels >= 0) & (others >= 0) & (labels != others)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueError(
            "Expected the same labels. Received: "
            f"{others[place]} for {videos[place]!r} in number {number}, "
            f"{labels[place]} before"
        )
    return np.where(labels < 0, others, labels)
