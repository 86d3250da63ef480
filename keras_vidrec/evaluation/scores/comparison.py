"""A paired test of two networks on the same videos."""

import dataclasses
import math

import numpy as np
import scipy.stats

from keras_vidrec.evaluation.scores import joining
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import files
from keras_vidrec.specs.checks import counted


@dataclasses.dataclass(frozen=True)
class ClassChange:
    """The difference between two networks for one class.

    Attributes:
        name: str. Name of the class.
        videos: int. Number of its videos.
        gained: int. Videos that only the second network classifies correctly.
        lost: int. Videos that only the first network classifies correctly.
        accuracies: pair of float in [0, 1]: the accuracy of each network, NaN
            for a class without videos.
    """

    name: str
    videos: int
    gained: int
    lost: int
    accuracies: tuple


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The comparison of two networks on the same videos of known class.

    Attributes:
        accuracies: pair of float in [0, 1]: top-1 accuracy of each.
        both: int. Videos that both classify correctly.
        gained: int. Videos that only the second classifies correctly.
        lost: int. Videos that only the first classifies correctly.
        neither: int. Videos that neither classifies correctly.
        interval: pair of float in [-1, 1]: confidence interval of the second
            accuracy minus the first.
        p_value: float. Probability of a difference at least this large if the
            networks were equally good.
        classes: tuple of `ClassChange`, in the order of the classes.
        left_out: pair of tuples of str: the videos of each that the other does
            not have.
    """

    accuracies: tuple
    both: int
    gained: int
    lost: int
    neither: int
    interval: tuple
    p_value: float
    classes: tuple
    left_out: tuple

    @property
    def videos(self):
        """Number of videos that were compared."""
        return self.both + self.gained + self.lost + self.neither

    @property
    def difference(self):
        """The second accuracy minus the first."""
        return (self.gained - self.lost) / self.videos

    def save(self, path):
        """Writes the changes of all classes to a CSV file."""
        header = (
            "class",
            "videos",
            "accuracy_a",
            "accuracy_b",
            "difference",
            "gained",
            "lost",
        )
        files.write_table(path, header, map(_row, self.classes))


def compare(
    first: Scores,
    second: Scores,
    *,
    confidence: float = 0.95,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Tests whether two networks differ, on the videos that both have scored.

    The p-value is that of McNemar's exact test: if the networks are equally
    good, each video that only one of them classifies correctly is equally
    likely to be of either. The interval of the difference is Newcombe's for
    paired proportions (method 10, based on Wilson's intervals). Both assume
    independent videos. Clips cut from one video are not independent, and a
    difference is less certain then. A warning is logged if the tests have
    different protocols or splits, or the videos have different content.

    Args:
        first: `Scores`.
        second: `Scores` of the same classes. Videos are matched by name.
        confidence: float in (0, 1). Confidence of the interval. Defaults to
            `0.95`.
        names: `None`, or pair of str: names of the scores in messages. Defaults
            to `None`: `number 1` and `number 2`.

    Returns:
        `Comparison`.

    Raises:
        ValueError: if the classes or the known labels differ, or no video of
            known class is in both.

    Reference:
        - McNemar, 1947, Psychometrika 12, 153-157.
        - Newcombe, 1998, Statistics in Medicine 17, 2635-2650.
    """
    joined = joining.join((first, second), names)
    joining.tell_protocols((first, second), names)
    joining.tell_data((first, second), names)
    if joined.scores[0].several:
        raise ValueError(
            "Expected videos with one label each. Received: scores of "
            "several labels per video; `vidrec evaluate` and `vidrec fuse` "
            "print their figures"
        )
    labels = joined.scores[0].labels
    labels = labels[labels >= 0]
    if not len(labels):
        raise ValueError(
            "Expected videos whose class is known. Received: "
            f"{counted(len(joined.scores[0].videos), 'video')} in both, all "
            "without a "
            "label"
        )
    one, other = (
        metrics.is_hit(scores.scores, scores.labels) for scores in joined.scores
    )
    counts = {
        "both": int(np.sum(one & other)),
        "gained": int(np.sum(~one & other)),
        "lost": int(np.sum(one & ~other)),
        "neither": int(np.sum(~one & ~other)),
    }
    return Comparison(
        accuracies=(float(one.mean()), float(other.mean())),
        interval=_interval(**counts, confidence=confidence),
        p_value=_p_value(counts["gained"], counts["lost"]),
        classes=_changes(first.classes, labels, one, other),
        left_out=joined.left_out,
        **counts,
    )


def _row(change: ClassChange) -> tuple:
    first, second = change.accuracies
    figures = (first, second, second - first)
    return (
        change.name,
        change.videos,
        # Empty for classes without videos.
        *("" if math.isnan(x) else f"{x:.6f}" for x in figures),
        change.gained,
        change.lost,
    )


def _p_value(gained: int, lost: int) -> float:
    if not gained + lost:
        return 1.0  # SciPy needs at least one trial
    return float(scipy.stats.binomtest(gained, gained + lost).pvalue)


def _interval(both, gained, lost, neither, confidence):
    videos = both + gained + lost + neither
    right = both + gained, both + lost  # by the second, by the first
    # The correlation of the two accuracies, with Newcombe's correction.
    together = both * neither - gained * lost
    if together > 0:
        together = max(together - videos / 2, 0)
    scale = math.prod(right) * math.prod(videos - count for count in right)
    together = together / math.sqrt(scale) if scale else 0.0
    low, high = zip(*(_distances(count, videos, confidence) for count in right))
    difference = (gained - lost) / videos

    def distance(a, b):
        # Combines two correlated distances; rounding must not make the sum
        # negative.
        return math.sqrt(max(a * a - 2 * together * a * b + b * b, 0))

    return (
        difference - distance(low[0], high[1]),
        difference + distance(high[0], low[1]),
    )


def _distances(
    count: int, videos: int, confidence: float
) -> tuple[float, float]:
    """The distances from a share to the lower and upper end of Wilson's
    interval."""
    interval = scipy.stats.binomtest(count, videos).proportion_ci(
        confidence, method="wilson"
    )
    share = count / videos
    return share - interval.low, interval.high - share


def _changes(classes, labels, one, other):
    """A tuple with a `ClassChange` for each class. `one` and `other` are bool
    arrays `(videos,)`: whether the first and the second network are correct."""

    def count(which):
        return np.bincount(labels[which], minlength=len(classes)).tolist()

    everything = np.ones(len(labels), bool)
    columns = (everything, other & ~one, one & ~other, one, other)
    return tuple(
        ClassChange(
            name,
            videos,
            gained,
            lost,
            tuple(right / videos if videos else math.nan for right in rights),
        )
        for name, videos, gained, lost, *rights in zip(
            classes, *map(count, columns)
        )
    )
