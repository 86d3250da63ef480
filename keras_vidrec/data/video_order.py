"""The order of the training videos of each epoch, and how often each occurs."""

import types

import numpy as np

from keras_vidrec.specs import checks

# The share of a class in an epoch is proportional to this power of its number
# of videos.
_POWERS = types.MappingProxyType({"natural": 1.0, "sqrt": 0.5, "balanced": 0.0})
SAMPLINGS = tuple(_POWERS)


class VideoOrder:
    """The videos of each epoch in random order, a function of seed and epoch.

    With any sampling the number of draws in an epoch is the number of videos.
    With `"natural"` each video is drawn once. With `"balanced"` all classes
    have the same number of draws, with `"sqrt"` a number proportional to the
    square root of their number of videos; both are exact to one draw per
    epoch. With these two, all videos of a class are drawn in random order
    before any of them is drawn again, also across epochs.

    Args:
        split: int array `(videos,)`. Indices of the training videos.
        labels: sequence of int. The labels of all videos of the source.
        seed: int.
        sampling: str, one of `SAMPLINGS`. Defaults to `"natural"`.

    Raises:
        ValueError: on another sampling, or if the sampling is not `"natural"`
            and videos may have several classes.
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
        # The small number keeps 2.999... that should be 3 from becoming 2.
        self._each = np.floor(drawn + 1e-9).astype(np.int64)
        self._rest = len(split) - int(self._each.sum())

    def __call__(self, epoch):
        """Returns the indices of the videos of an epoch: int array
        `(videos,)`."""
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
        """The number of draws of each class before an epoch: int array.

        Each class has the whole number of draws that its share allows; the
        remaining draws of an epoch go to the classes in turn."""
        places = np.arange(len(self._classes))
        turns = (self._rest * epoch - places - 1) // len(places) + 1
        return self._each * epoch + turns

    def _round(self, number, begin, end):
        """Returns the videos of draws `begin` to `end - 1` of a class. Draws
        are counted from the first epoch on."""
        videos, label = self._classes[number], int(self._labels[number])
        first, last = begin // len(videos), (end - 1) // len(videos)
        rounds = [
            # No other random generator in training has a seed of five numbers.
            np.random.default_rng((self._seed, label, turn, 0, 1)).permutation(
                videos
            )
            for turn in range(first, last + 1)
        ]
        start = first * len(videos)
        return np.concatenate([videos[:0], *rounds])[
            begin - start : end - start
        ]


def shares(counts, sampling: str) -> np.ndarray:
    """Returns the share of each class in the draws of an epoch.

    Args:
        counts: sequence of int. Number of videos of each class; the share of a
            class without videos is 0.
        sampling: str, one of `SAMPLINGS`.

    Returns:
        float array `(classes,)`, whose sum is 1.
    """
    counts = np.asarray(counts, "float64")
    shares = np.where(counts > 0, counts ** _POWERS[sampling], 0.0)
    return shares / shares.sum()
