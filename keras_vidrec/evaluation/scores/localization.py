"""How well segments of long videos are found: mean average precision at
temporal overlaps."""

import collections
import dataclasses
import typing

import numpy as np

from keras_vidrec.specs.checks import counted

# Of THUMOS 2014: the least temporal intersection over union of a hit.
OVERLAPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
# Overlaps are quotients of decimal numbers.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Localization:
    """Average precisions.

    Attributes:
        overlaps: tuple of float.
        classes: tuple of str. Those of the truth.
        precisions: float64 array `(overlaps, classes)`, from 0 to 1.
    """

    overlaps: tuple[float, ...]
    classes: tuple[str, ...]
    precisions: np.ndarray = dataclasses.field(repr=False)

    def summary(self) -> dict[str, float]:
        """The means over the classes: `map@0.1` and so on, and `map`, the mean
        of these."""
        means = self.precisions.mean(axis=1).tolist()
        found = {f"map@{o:g}": m for o, m in zip(self.overlaps, means)}
        return {**found, "map": float(np.mean(means))}


def localization(
    truth: typing.Mapping,
    found: typing.Mapping,
    overlaps: typing.Sequence[float] = OVERLAPS,
) -> Localization:
    """The mean average precision of segments, as ActivityNet's server works it
    out, and as THUMOS' figures are since.

    Of each class the found segments of all videos are taken by falling scores,
    of equal ones in their order. One is a hit if a true segment of its class
    and video overlaps it by at least so much (intersection over union) and is
    not hit yet: of several the one of the largest overlap; else it is a false
    alarm. The average precision is the area below the precision as a function
    of the recall, the precision being interpolated at all points: at each
    recall it is the highest at this recall or a higher one. Classes that the
    truth has not are not counted.

    Args:
        truth: dict from names of videos to sequences of `segments.Segment`.
        found: the same; their scores matter. Videos that the truth has not
            have false alarms only.
        overlaps: sequence of float in (0, 1]. Defaults to `OVERLAPS`, 0.1 to
            0.7.

    Returns:
        `Localization`.

    Raises:
        ValueError: if the truth has no segment.
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
    """Segments by class and then by video."""
    sorted_out = collections.defaultdict(lambda: collections.defaultdict(list))
    for video, segments in segments_of.items():
        for segment in segments:
            sorted_out[segment.name][video].append(segment)
    return sorted_out


def _average_precision(truth, found, overlap):
    hits = _hits(truth, found, overlap)
    if not len(hits):
        return 0.0
    recall = np.cumsum(hits) / sum(map(len, truth.values()))
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * highest))


def _hits(truth, found, overlap):
    """Whether the found segments of a class hit, by falling scores."""
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


def _overlaps(bounds, segment):
    """Intersection over union of true segments and a found one."""
    starts, ends = bounds.T
    shared = np.minimum(ends, segment.end) - np.maximum(starts, segment.start)
    shared = np.maximum(shared, 0.0)
    length = segment.end - segment.start
    return shared / (ends - starts + length - shared)
