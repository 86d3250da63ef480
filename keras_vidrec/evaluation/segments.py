"""Merges the windows of a long video into segments."""

import collections.abc
import dataclasses
import difflib

import numpy as np

from keras_vidrec.data.catalogs import background
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.specs import checks

# Times that differ by at most this, in seconds, are treated as equal: starts
# and ends are rounded, and segment files have this resolution.
_TICK = 0.001


@dataclasses.dataclass(frozen=True)
class Segment:
    """A part of a video with its class.

    Attributes:
        name: str. The class.
        start: float. Seconds of the video, by its presentation time stamps.
        end: float. The same, after `start`.
        score: float. The mean probability of the class in that time.
    """

    name: str
    start: float
    end: float
    score: float

    def to_dict(self) -> dict:
        """Returns a dict for JSON: `class`, `start`, `end` and `score`."""
        return {
            "class": self.name,
            "start": self.start,
            "end": self.end,
            "score": self.score,
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Segment":
        """The inverse of `to_dict`."""
        return cls(
            values["class"], values["start"], values["end"], values["score"]
        )


@dataclasses.dataclass(frozen=True)
class Merging:
    """Options for merging windows into segments.

    Args:
        smoothing: float, seconds. Probabilities are averaged over this time
            around each moment. Defaults to `0.0`: none.
        min_length: float, seconds. Shorter segments are merged into the
            neighbor whose class is more probable there; with a `threshold` they
            are dropped. Defaults to `0.0`.
        threshold: `None` (the most probable class of each moment), or float in
            (0, 1]: every class while its probability is at least this high,
            several at a time. Defaults to `None`.
        background: str. The class without segments: one of the network; `""`
            for none; or `"background"`, which the network need not have.
            Defaults to `"background"`.

    Raises:
        ValueError: if a value is invalid.
    """

    smoothing: float = 0.0
    min_length: float = 0.0
    threshold: float | None = None
    background: str = background.NAME

    def __post_init__(self):
        checks.number("smoothing", self.smoothing, 0)
        checks.number("min_length", self.min_length, 0)
        if self.threshold is not None:
            checks.check(
                checks.is_number(self.threshold) and 0 < self.threshold <= 1,
                "threshold",
                "None, or a number in (0, 1]",
                self.threshold,
            )

    def check(self, classes: collections.abc.Sequence[str]) -> None:
        """Checks that the network has the class of the background.

        Args:
            classes: sequence of str, those of the network.

        Raises:
            ValueError: if not; the message contains a similar class.
        """
        if self.background in (background.NAME, "", *classes):
            return
        (near,) = difflib.get_close_matches(self.background, classes, 1, 0.0)
        raise checks.ArgumentError(
            "background",
            f"a class of the network, such as {near!r}",
            self.background,
        )

    def to_dict(self) -> dict:
        """Returns a dict of the arguments for JSON."""
        return dataclasses.asdict(self)


def merge(
    windows: collections.abc.Sequence[WindowPrediction],
    classes: collections.abc.Sequence[str],
    how: Merging | None = None,
) -> tuple[Segment, ...]:
    """Merges the windows of a video into segments.

    The probabilities at a moment are the mean over the windows that contain it.
    Neighboring moments of the same class form a segment; there are none outside
    of windows.

    Args:
        windows: sequence of `timeline.WindowPrediction`, in any order.
        classes: sequence of str, as many as the windows have probabilities.
        how: `None` (`Merging()`), or `Merging`. Defaults to `None`.

    Returns:
        tuple of `Segment`, by their starts.

    Raises:
        ValueError: as for `Merging.check`.
    """
    how = how or Merging()
    how.check(classes)
    if not windows:
        return ()
    edges, means, seen = _moments(windows)
    smooth = _smoothed(edges, means, seen, how.smoothing) * seen[:, None]
    if how.threshold is None:
        labels = np.where(seen, smooth.argmax(axis=1), -1)
        runs = _long_runs(labels, edges, smooth, how.min_length)
    else:
        runs = [
            (first, last, label)
            for label in range(len(classes))
            for first, last, there in _runs(smooth[:, label] >= how.threshold)
            if there and edges[last] - edges[first] >= how.min_length - _TICK
        ]
    found = []
    for first, last, label in runs:
        if classes[label] != how.background:
            start, end = float(edges[first]), float(edges[last])
            spans = np.diff(edges[first : last + 1])
            score = float(spans @ means[first:last, label]) / (end - start)
            found.append(Segment(classes[label], start, end, score))
    return tuple(sorted(found, key=lambda segment: segment.start))


def _moments(
    windows: collections.abc.Sequence[WindowPrediction],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divides time at the starts and ends of windows. Returns the times
    `(n + 1,)` that bound n intervals, the mean probabilities in each interval
    `(n, classes)`, and whether a window contains it `(n,)`."""
    bounds = np.array([(w.start, w.end) for w in windows])
    times = np.unique(bounds)
    edges = times[np.concatenate([[True], np.diff(times) > _TICK])]
    # Of times that are treated as equal, the first is the edge.
    places = np.searchsorted(edges, bounds, "right") - 1
    total = np.zeros((len(edges) - 1, len(windows[0].probabilities)))
    count = np.zeros(len(total))
    for (first, last), window in zip(places, windows):
        total[first:last] += window.probabilities
        count[first:last] += 1
    return edges, total / np.maximum(count, 1)[:, None], count > 0


def _smoothed(
    edges: np.ndarray, means: np.ndarray, seen: np.ndarray, width: float
) -> np.ndarray:
    """The mean probabilities in `width` seconds around the middle of each
    interval of `_moments`, over the time that windows contain; `means` itself
    if `width` is 0."""
    if not width:
        return means
    spans = np.diff(edges) * seen
    sums = np.cumsum(means * spans[:, None], axis=0)
    sums = np.concatenate([np.zeros((1, sums.shape[1])), sums])
    middles = (edges[:-1] + edges[1:]) / 2
    bounds = [
        np.clip(middles + side * width / 2, edges[0], edges[-1])
        for side in (-1, 1)
    ]

    def until(moments, totals):
        # Between two edges the cumulative sum is linear.
        place = np.searchsorted(edges, moments, "right").clip(1, len(means))
        left = edges[place - 1]
        share = (moments - left) / (edges[place] - left)
        if totals.ndim > 1:
            share = share[:, None]
        return totals[place - 1] * (1 - share) + totals[place] * share

    time = np.concatenate([[0.0], np.cumsum(spans)])
    before, behind = (until(moments, time) for moments in bounds)
    low, high = (until(moments, sums) for moments in bounds)
    return (high - low) / np.maximum(behind - before, _TICK**2)[:, None]


def _runs(labels: np.ndarray) -> list[tuple]:
    """Runs of equal neighbors, as a list of `(first, last + 1, label)`."""
    changes = np.flatnonzero(np.diff(labels)) + 1
    bounds = [0, *changes.tolist(), len(labels)]
    return [
        (first, last, labels[first].item())
        for first, last in zip(bounds, bounds[1:])
    ]


def _long_runs(
    labels: np.ndarray,
    edges: np.ndarray,
    probabilities: np.ndarray,
    min_length: float,
) -> list[tuple]:
    """The runs of classes, after runs shorter than `min_length` were merged
    into their neighbors."""
    labels = labels.copy()
    free = np.zeros(len(labels), bool)
    for first, last, label in _runs(labels):
        if label >= 0 and edges[last] - edges[first] < min_length - _TICK:
            free[first:last] = True
    weights = np.diff(edges)
    for first, last, is_free in _runs(free):
        if not is_free:
            continue
        near = {
            labels[place].item()
            for place in (first - 1, last)
            if 0 <= place < len(labels) and labels[place] >= 0
        }
        mean = weights[first:last] @ probabilities[first:last]
        # Without a neighbor, between gaps, the time belongs to no class.
        labels[first:last] = max(near, key=lambda c: mean[c], default=-1)
    return [run for run in _runs(labels) if run[2] >= 0]
