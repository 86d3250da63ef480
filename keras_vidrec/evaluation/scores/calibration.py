"""Whether probabilities are as large as the share of the videos that they are
right about, and the temperature that makes them so."""

import math
import typing

import numpy as np
import scipy.optimize
import scipy.special

# Of equal width, as Guo et al., 2017 (arXiv:1706.04599, section 4) have them.
BINS = 15
# Below and above, no mistake is left to fit it on, or nothing is recognized.
_LEAST, _MOST = 0.05, 20.0


class Reliability(typing.NamedTuple):
    """Videos of known class by the probability of their best class, in `BINS`
    bins of equal width; what is on an edge is in the lower bin.

    Args:
        low, high: float arrays `(bins,)`. Edges of each bin.
        videos: int array `(bins,)`.
        probabilities: float array `(bins,)`. Their mean, NaN without videos.
        accuracies: float array `(bins,)`. Share of the videos whose best class
            is their own, NaN without videos.
    """

    low: np.ndarray
    high: np.ndarray
    videos: np.ndarray
    probabilities: np.ndarray
    accuracies: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean difference of probability
        and accuracy, each bin by its videos; NaN without any."""
        total = self.videos.sum()
        if not total:
            return math.nan
        there = self.videos > 0
        gaps = np.abs(self.probabilities - self.accuracies)[there]
        return float(gaps @ self.videos[there] / total)


def temperature_of(scores) -> float:
    """The temperature of the network that `Scores` are of, as it was when they
    were made: 1 if it had none."""
    value = scores.meta.get("temperature", 1.0)
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if known and 0 < value < math.inf else 1.0


def probabilities(scores):
    """The probabilities that `Scores` stand for, float64 `(videos, classes)`:
    the softmax of the scores divided by the temperature of their network.

    Returns:
        `None` where scores stand for none: those of several labels per video,
        and those that were divided by their norm before they were fused.
    """
    if scores.meta.get("normalize") or np.ndim(scores.labels) != 1:
        return None
    values = scores.scores.astype("float64")
    if scores.meta.get("softmax"):  # they were fused as probabilities
        return values
    return scipy.special.softmax(values / temperature_of(scores), axis=1)


def reliability(scores):
    """The `Reliability` of `Scores`; `None` where they stand for no
    probabilities, see `probabilities`, or no class is known."""
    found = probabilities(scores)
    if found is None or not (scores.labels >= 0).any():
        return None
    found, labels = found[scores.labels >= 0], scores.labels[scores.labels >= 0]
    best = found.max(axis=1)
    hits = found.argmax(axis=1) == labels
    edges = np.arange(BINS + 1) / BINS
    place = np.clip(np.searchsorted(edges, best, "left") - 1, 0, BINS - 1)
    videos = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return Reliability(
            edges[:-1],
            edges[1:],
            videos,
            np.bincount(place, best, BINS) / videos,
            np.bincount(place, hits, BINS) / videos,
        )


def error(scores) -> float:
    """The expected calibration error of `Scores`, as of `Reliability`; NaN
    where they have none."""
    found = reliability(scores)
    return math.nan if found is None else found.error


def cross_entropy(scores, labels, temperature=1.0) -> float:
    """The mean of minus the logarithm of the probability of the own class of
    each video.

    Args:
        scores, labels: as of `fit_temperature`.
        temperature: float. What the scores are divided by. Defaults to `1.0`.
    """
    scores, labels = _labeled(scores, labels)
    chances = scipy.special.log_softmax(scores / temperature, axis=1)
    return -float(np.mean(chances[np.arange(len(labels)), labels]))


def fit_temperature(scores, labels) -> float:
    """The temperature at which the true classes are the most probable: the one
    minimum of the mean cross-entropy of the scores divided by it.

    Args:
        scores: float array `(videos, classes)`, such as mean logits.
        labels: int array `(videos,)`, -1 where unknown (left out).

    Returns:
        float between 0.05 and 20: above 1 where the probabilities were too
        sure, below where they were not sure enough.

    Raises:
        ValueError: if no label is known, or there is no minimum in between:
            the scores are right about all videos, so that none could be too
            sure, or no better than chance.
    """
    scores, labels = _labeled(scores, labels)
    if not len(labels):
        raise ValueError("no video has a known class")
    own = scores[np.arange(len(labels)), labels]

    def slope(log_temperature):
        """Of the cross-entropy, by the inverse of the temperature."""
        chances = scipy.special.softmax(
            scores / math.exp(log_temperature), axis=1
        )
        return np.mean((chances * scores).sum(axis=1) - own)

    if slope(math.log(_LEAST)) <= 0:
        raise ValueError(
            "all of them are recognized, so no probability is too high"
        )
    if slope(math.log(_MOST)) >= 0:
        raise ValueError("they are recognized no better than by chance")
    found = scipy.optimize.brentq(
        slope, math.log(_LEAST), math.log(_MOST), xtol=1e-12
    )
    return math.exp(found)


def _labeled(scores, labels):
    scores, labels = np.asarray(scores, "float64"), np.asarray(labels)
    return scores[labels >= 0], labels[labels >= 0]
