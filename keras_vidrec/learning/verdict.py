"""The result of the test of a recognizer, in three sentences."""

import collections
import math

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.specs.checks import counted

# The half width of the wanted interval, and the share that needs the most
# clips.
_WANTED = 0.05
_NAMED = 3
_CONFIDENCE = 1.96


def sentences(material, scores, choices):
    """How sure one may be, what is confused, and what more data would help.

    Args:
        material: `Material`.
        scores: `Scores` of the held out part; `None` where there is none.
        choices: sequence of `Choice` that the recognizer was made by.

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
        f"Of {len(hits)} clips that nothing was learned from or chosen by it "
        f"knew {hits.sum()}, {100 * hits.mean():.0f} %; of many such clips it "
        f"would know {100 * low:.0f} to {100 * high:.0f} % (95 % interval), "
        f"and guessing among its {classes} classes "
        f"{100 / classes:.0f} %"
    )
    if len(groups) < len(hits):
        sentence += (
            f"; they are from only {counted(len(groups), 'recording')}, so "
            "the true interval is wider"
        )
    return sentence + "."


def _untested(choices):
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
        "No clip was held out: by clips of other recordings it knew "
        f"{figure.right} of {figure.of}, {100 * share:.0f} % (95 % interval "
        f"{100 * low:.0f} to {100 * high:.0f} %). It was also chosen by this "
        "figure, which is therefore a little too high."
    )


def _wilson(right, of):
    scores = np.eye(2)[np.r_[np.zeros(right, int), np.ones(of - right, int)]]
    return metrics.accuracy_interval(scores, np.zeros(of, int))


def _confused(scores):
    found = scores.scores.argmax(axis=1)
    pairs = collections.Counter(
        (int(label), int(other))
        for label, other in zip(scores.labels, found)
        if label != other
    )
    if not pairs:
        return "It confused none of them."
    named = [
        f"{scores.classes[label]} taken for {scores.classes[other]} "
        f"({count} of {int(np.sum(scores.labels == label))})"
        for (label, other), count in pairs.most_common(_NAMED)
    ]
    more = len(pairs) - _NAMED
    rest = f", and {more} more pairs" if more > 0 else ""
    return f"It confuses: {'; '.join(named)}{rest}."


def _missed(scores):
    """By class, how many clips were not recognized."""
    wrong = scores.scores.argmax(axis=1) != scores.labels
    counts = collections.Counter(scores.labels[wrong].tolist())
    return {scores.classes[label]: n for label, n in counts.items()}


def _more(material, missed):
    """What more data would help."""
    kinds = material.kinds
    # Those missed most, then those of the fewest recordings.
    order = sorted(kinds, key=lambda c: (-missed.get(c, 0), kinds[c][::-1]))
    named = [
        f"{name} ({_count(kinds[name][0], 'clip')} of "
        f"{_count(kinds[name][1], 'recording')})"
        for name in order[:_NAMED]
    ]
    sentence = (
        "Most helpful would be clips with new places and people of "
        f"{', '.join(named)}"
    )
    # At a share of one half, where it takes most.
    wanted = math.ceil((_CONFIDENCE / _WANTED) ** 2 / 4)
    have = len(material.test)
    if have < wanted:
        sentence += (
            f"; to know the share within {100 * _WANTED:.0f} points takes "
            f"about {wanted} held out clips, here are {have}"
        )
    return sentence + "."


def _count(number, what):
    return f"{number} {what}{'s' * (number != 1)}"
