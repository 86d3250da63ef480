"""Measures whether probabilities match accuracies, and fits the temperature
that makes them match."""

import math
import typing

import numpy as np
import scipy.optimize
import scipy.special

# Number of bins of equal width, as in Guo et al., 2017 (arXiv:1706.04599,
# section 4).
BINS = 15
# Limits of the temperature. The minimum is below if no video is classified
# wrongly, above if videos are classified no better than by chance.
_LEAST, _MOST = 0.05, 20.0


class Reliability(typing.NamedTuple):
    """The videos of known class in `BINS` bins of equal width by the
    probability of their best class. A probability on an edge is in the lower
    bin.

    Attributes:
        low: float array `(bins,)`. Lower edge of each bin.
        high: float array `(bins,)`. Upper edge of each bin.
        videos: int array `(bins,)`. Number of videos.
        probabilities: float array `(bins,)`. Mean probability, NaN without
            videos.
        accuracies: float array `(bins,)`. Share of the videos whose best class
            is correct, NaN without videos.
    """

    low: np.ndarray
    high: np.ndarray
    videos: np.ndarray
    probabilities: np.ndarray
    accuracies: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean absolute difference of
        probability and accuracy, weighted by the videos of each bin; NaN
        without videos."""
        total = self.videos.sum()
        if not total:
            return math.nan
        there = self.videos > 0
        gaps = np.abs(self.probabilities - self.accuracies)[there]
        return float(gaps @ self.videos[there] / total)


def temperature_of(scores) -> float:
    """Returns the temperature that the network had when `Scores` were made: 1
    if it had none."""
    value = scores.meta.get("temperature", 1.0)
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if known and 0 < value < math.inf else 1.0


def probabilities(scores):
    """Converts `Scores` to probabilities: the softmax of the scores divided by
    the temperature of their network.

    Returns:
        float64 array `(videos, classes)`. `None` for scores that do not
        correspond to such probabilities: with several labels per video, or
        divided by their norm before fusion.
    """
    if scores.meta.get("normalize") or np.ndim(scores.labels) != 1:
        return None
    values = scores.scores.astype("float64")
    if scores.meta.get("softmax"):  # they were fused as probabilities
        return values
    return scipy.special.softmax(values / temperature_of(scores), axis=1)


def reliability(scores):
    """Returns the `Reliability` of `Scores`; `None` if `probabilities` returns
    None, or no label is known."""
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
    """Returns the expected calibration error of `Scores`, see `Reliability`;
    NaN if they have no probabilities or no known labels."""
    found = reliability(scores)
    return math.nan if found is None else found.error


def cross_entropy(scores, labels, temperature=1.0) -> float:
    """Returns the mean cross-entropy of the scores of videos.

    Args:
        scores, labels: as for `fit_temperature`.
        temperature: float. Scores are divided by it. Defaults to `1.0`.
    """
    scores, labels = _labeled(scores, labels)
    chances = scipy.special.log_softmax(scores / temperature, axis=1)
    return -float(np.mean(chances[np.arange(len(labels)), labels]))


def fit_temperature(scores, labels) -> float:
    """Returns the temperature with the smallest mean cross-entropy of the
    scores divided by it. There is one minimum.

    Args:
        scores: float array `(videos, classes)`, such as mean logits.
        labels: int array `(videos,)`, -1 for unknown labels, which are left
            out.

    Returns:
        float between 0.05 and 20: above 1 if the probabilities were too high,
        below 1 if they were too low.

    Raises:
        ValueError: if no label is known, or the minimum is not in this range:
            all videos are classified correctly, so a lower temperature is
            always better, or no better than by chance.
    """
    scores, labels = _labeled(scores, labels)
    if not len(labels):
        raise ValueError("no video has a known class")
    own = scores[np.arange(len(labels)), labels]

    def slope(log_temperature):
        """Derivative of the cross-entropy with respect to the inverse of the
        temperature."""
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
    """The scores, as float64, and labels of videos of known class."""
    scores, labels = np.asarray(scores, "float64"), np.asarray(labels)
    return scores[labels >= 0], labels[labels >= 0]
