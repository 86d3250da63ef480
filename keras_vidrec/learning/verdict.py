"""Describes the test result of a recognizer in three sentences."""

import collections
import math

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs.checks import counted

# The half width of the interval of the accuracy that is recommended.
_WANTED = 0.05
# The largest number of classes, or pairs of them, that a sentence names.
_NAMED = 3
# Standard deviations of a 95 % interval.
_CONFIDENCE = 1.96


def sentences(material, scores, choices):
    """Returns three sentences: on the accuracy and its interval, on classes
    that are confused, and on the clips that would help most.

    Args:
        material: `Material`.
        scores: `Scores` of the held-out part; `None` if there is none.
        choices: sequence of the `Choice`s made in learning.

    Returns:
        tuple of three str.
    """
    if scores is None:
        return (_untested(choices), _NOTHING_CONFUSED, _more(material, {}))
    hits = metrics.is_hit(scores.scores, scores.labels)
    return (
        _how_sure(material, scores, hits),
        _confused(scores),
        _more(material, _missed(scores)),
    )


_NOTHING_CONFUSED = (
    "It is not known which classes it confuses, because no clip was held out."
)


def _how_sure(material, scores, hits):
    low, high = metrics.accuracy_interval(scores.scores, scores.labels)
    groups = {material.catalog.groups[i] for i in material.test}
    classes = len(scores.classes)
    sentence = (
        f"It recognized {hits.sum()} of {len(hits)} clips that were used "
        "neither for training nor for any choice, "
        f"{100 * hits.mean():.0f} %; of many such clips it would recognize "
        f"{100 * low:.0f} to {100 * high:.0f} % (95 % interval), and guessing "
        f"among its {classes} classes would give {100 / classes:.0f} %"
    )
    if len(groups) < len(hits):
        sentence += (
            f"; the clips are from only {counted(len(groups), 'recording')}, "
            "so the true interval is wider"
        )
    return sentence + "."


def _untested(choices):
    """The first sentence if no clip was held out."""
    first = choices[0]
    if not first.chosen:
        return (
            "Its accuracy is not known: no class has clips of two "
            "recordings, so none could be held out."
        )
    figure = first.candidates[first.chosen]
    share = figure.right / figure.of
    low, high = _wilson(figure.right, figure.of)
    return (
        "No clip was held out for a test. In cross-validation over recordings "
        f"its classifier recognized {figure.right} of {figure.of} clips, "
        f"{100 * share:.0f} % (95 % interval {100 * low:.0f} to "
        f"{100 * high:.0f} %). It was also chosen on these clips, so the "
        "figure is a little too high."
    )


def _wilson(right: int, of: int):
    """The 95 % interval of an accuracy, given numbers of clips."""
    scores = np.eye(2)[np.r_[np.zeros(right, int), np.ones(of - right, int)]]
    return metrics.accuracy_interval(scores, np.zeros(of, int))


def _confused(scores: Scores) -> str:
    found = scores.scores.argmax(axis=1)
    pairs = collections.Counter(
        (int(label), int(other))
        for label, other in zip(scores.labels, found)
        if label != other
    )
    if not pairs:
        return "It confused no classes."
    named = [
        f"{scores.classes[label]} taken for {scores.classes[other]} "
        f"({count} of {int(np.sum(scores.labels == label))})"
        for (label, other), count in pairs.most_common(_NAMED)
    ]
    more = len(pairs) - _NAMED
    rest = f", and {more} more pairs" if more > 0 else ""
    return f"It confuses: {'; '.join(named)}{rest}."


def _missed(scores: Scores) -> dict[str, int]:
    """The number of clips that were not recognized, by name of the class."""
    wrong = scores.scores.argmax(axis=1) != scores.labels
    counts = collections.Counter(scores.labels[wrong].tolist())
    return {scores.classes[label]: n for label, n in counts.items()}


def _more(material, missed):
    """The sentence on the clips that would help most.

    `missed` is a dict from names of classes to their numbers of clips that were
    not recognized."""
    kinds = material.kinds
    # Classes with the most errors first, then those of the fewest recordings.
    order = sorted(kinds, key=lambda c: (-missed.get(c, 0), kinds[c][::-1]))
    named = [
        f"{name} ({counted(kinds[name][0], 'clip')} of "
        f"{counted(kinds[name][1], 'recording')})"
        for name in order[:_NAMED]
    ]
    sentence = (
        "Most helpful would be clips with new places and people of "
        f"{', '.join(named)}"
    )
    # The number for an accuracy of 50 %, which needs the most clips.
    wanted = math.ceil((_CONFIDENCE / _WANTED) ** 2 / 4)
    have = len(material.test)
    if have < wanted:
        sentence += (
            f"; to measure the accuracy within {100 * _WANTED:.0f} points "
            f"takes about {wanted} held-out clips, here are {have}"
        )
    return sentence + "."
