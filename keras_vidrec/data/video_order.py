"""In which order, and how often, the videos of a training come."""

import types

import numpy as np

from keras_vidrec.specs import checks

# By name, the power of the number of videos of a class that its share of an
# epoch is in proportion to.
_POWERS = types.MappingProxyType({"natural": 1.0, "sqrt": 0.5, "balanced": 0.0})
SAMPLINGS = tuple(_POWERS)


class VideoOrder:
    """The videos of each epoch, a pure function of seed and epoch.

    An epoch is as long whichever the sampling: as many draws as videos.
    `"natural"`: each video once. `"balanced"`: of each class as many draws,
    `"sqrt"`: in proportion to the square root of its videos, both to within one
    draw per epoch. In these a class goes round its videos, in another order
    each time, from epoch to epoch: none comes again before all have come.

    Args:
        split: int array `(videos,)`.
        labels: sequence of int, of all videos of the source.
        seed: int.
        sampling: str, one of `SAMPLINGS`. Defaults to `"natural"`.

    Raises:
        ValueError: on another sampling, or another one than `"natural"` of
            videos that have no single class each.
    """

    def __init__(self, split, labels, seed, sampling="natural"):
        checks.choice("sampling", sampling, SAMPLINGS)
        self._split = split
        self._seed = seed
        self._classes = None
        if sampling == "natural":
            return
        own = [labels[video] for video in split]
        checks.check(
            all(isinstance(label, (int, np.integer)) for label in own),
            "sampling",
            '"natural" where a video may have several classes',
            sampling,
        )
        self._labels, counts = np.unique(own, return_counts=True)
        self._classes = [split[own == label] for label in self._labels]
        drawn = len(split) * shares(counts, sampling)
        # A hair more than nothing, so that 3 is not 2.999.
        self._each = np.floor(drawn + 1e-9).astype(np.int64)
        self._rest = len(split) - int(self._each.sum())

    def __call__(self, epoch):
        """The videos of an epoch, int array `(videos,)`."""
        videos = self._split
        if self._classes is not None:
            begin, end = self._drawn(epoch), self._drawn(epoch + 1)
            videos = np.concatenate(
                [
                    self._round(number, begin[number], end[number])
                    for number in range(len(self._classes))
                ]
            )
        return np.random.default_rng((self._seed, epoch)).permutation(videos)

    def _drawn(self, epoch):
        """How many draws of each class come before an epoch. The draws that
        are over go to the classes in turn."""
        places = np.arange(len(self._classes))
        turns = (self._rest * epoch - places - 1) // len(places) + 1
        return self._each * epoch + turns

    def _round(self, number, begin, end):
        """Draws `begin` to `end` of a class."""
        videos, label = self._classes[number], int(self._labels[number])
        first, last = begin // len(videos), (end - 1) // len(videos)
        rounds = [
            # No other draw of a training has five numbers.
            np.random.default_rng((self._seed, label, turn, 0, 1)).permutation(
                videos
            )
            for turn in range(first, last + 1)
        ]
        start = first * len(videos)
        return np.concatenate([videos[:0], *rounds])[
            begin - start : end - start
        ]


def shares(counts, sampling):
    """The share of an epoch that each class has.

    Args:
        counts: int sequence. Videos of each class; one of none has no share.
        sampling: str, one of `SAMPLINGS`.

    Returns:
        float array, which sums up to 1.
    """
    counts = np.asarray(counts, "float64")
    shares = np.where(counts > 0, counts ** _POWERS[sampling], 0.0)
    return shares / shares.sum()
