"""Mean average precision of segments of long videos at temporal overlaps."""

import collections
import dataclasses
import typing

import numpy as np

from keras_vidrec.specs.checks import counted

# Minimum temporal intersection over union of a hit, as for THUMOS 2014.
OVERLAPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
# Tolerance for the rounding of overlaps.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Localization:
    """Average precisions of segments.

    Attributes:
        overlaps: tuple of float. Minimum overlaps of a hit.
        classes: tuple of str. Classes of the true segments.
        precisions: float64 array `(overlaps, classes)`, from 0 to 1.
    """

    overlaps: tuple[float, ...]
    classes: tuple[str, ...]
    precisions: np.ndarray = dataclasses.field(repr=False)

    def summary(self) -> dict[str, float]:
        """Returns the means over the classes as a dict: `map@0.1` and so on,
        and `map`, the mean of these."""
        means = self.precisions.mean(axis=1).tolist()
        found = {f"map@{o:g}": m for o, m in zip(self.overlaps, means)}
        return {**found, "map": float(np.mean(means))}


def localization(
    truth: typing.Mapping,
    found: typing.Mapping,
    overlaps: typing.Sequence[float] = OVERLAPS,
) -> Localization:
    """Computes the mean average precision of segments as ActivityNet's server
    does, whose method is also used for THUMOS.

    For each class, the found segments of all videos are sorted by decreasing
    score; equal scores keep their order. A segment is a hit if it overlaps a
    true segment of its class and video by at least the minimum (intersection
    over union) that no earlier segment hit; if there are several, it hits the
    one with the largest overlap. Other segments are false alarms. The average
    precision is the area below the curve of precision over recall. The
    precision is interpolated: at each recall it is the highest precision at
    this or a higher recall. Classes without true segments are not included.

    Args:
        truth: dict from names of videos to sequences of `segments.Segment`.
        found: dict of the same form, with scores. All segments in videos that
            are not in `truth` are false alarms.
        overlaps: sequence of float in (0, 1]. Minimum overlaps of a hit.
            Defaults to `OVERLAPS`, 0.1 to 0.7.

    Returns:
        `Localization`.

    Raises:
        ValueError: if `truth` has no segment.
    """
    wanted = _by_class(truth)
    if not wanted:
        raise ValueError(
            "Expected segments in `truth`. Received: none in "
            f"{counted(len(truth), 'video')}"
        )
    seen = _by_class(found)
    classes = tuple(sorted(wanted))
    precisions = [
        [
            _average_precision(wanted[name], seen.get(name, {}), overlap)
            for name in classes
        ]
        for overlap in overlaps
    ]
    return Localization(tuple(overlaps), classes, np.array(precisions))


def _by_class(segments_of):
    """Segments as a dict by class of dicts of lists by video."""
    sorted_out = collections.defaultdict(lambda: collections.defaultdict(list))
    for video, segments in segments_of.items():
        for segment in segments:
            sorted_out[segment.name][video].append(segment)
    return sorted_out


def _average_precision(truth: dict, found: dict, overlap: float) -> float:
    """The average precision of a class at a minimum overlap, from dicts of its
    true and found segments by video."""
    hits = _hits(truth, found, overlap)
    if not len(hits):
        return 0.0
    recall = np.cumsum(hits) / sum(map(len, truth.values()))
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * highest))


def _hits(truth: dict, found: dict, overlap: float) -> np.ndarray:
    """Whether each found segment of a class is a hit, in the order of
    decreasing scores: bool array `(segments,)`."""
    segments = [(video, s) for video, some in found.items() for s in some]
    segments.sort(key=lambda pair: -pair[1].score)
    free = {video: np.ones(len(some), bool) for video, some in truth.items()}
    bounds = {
        video: np.array([(s.start, s.end) for s in some])
        for video, some in truth.items()
    }
    hits = np.zeros(len(segments), bool)
    for number, (video, segment) in enumerate(segments):
        if video not in truth:
            continue
        overlaps = _overlaps(bounds[video], segment) * free[video]
        best = overlaps.argmax()
        if overlaps[best] >= overlap - _ROUNDING:
            hits[number] = True
            free[video][best] = False
    return hits


def _overlaps(bounds: np.ndarray, segment) -> np.ndarray:
    """Intersection over union of true segments, with bounds `(segments, 2)`,
    and a found one: `(segments,)`."""
    starts, ends = bounds.T
    shared = np.minimum(ends, segment.end) - np.maximum(starts, segment.start)
    shared = np.maximum(shared, 0.0)
    length = segment.end - segment.start
    return shared / (ends - starts + length - shared)
