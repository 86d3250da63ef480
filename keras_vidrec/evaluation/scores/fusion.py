"""Fuses the scores of several streams."""

import collections.abc
import dataclasses
import math
import typing

import numpy as np
import scipy.special
import sklearn.preprocessing

from keras_vidrec.evaluation.scores import joining
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks

NORMS = ("l2",)


def fuse(
    scores: collections.abc.Sequence[Scores],
    weights: collections.abc.Sequence[float] | None = None,
    *,
    softmax: bool = False,
    normalize: typing.Literal["l2"] | None = None,
    names: collections.abc.Sequence[str] | None = None,
) -> Scores:
    """Fuses the scores of several networks for the same videos.

    The result is the weighted mean of the logits for each video. It gives the
    same classes as the weighted sum of the papers (TSN, section 3.3), and the
    same scores as `applications.LateFusion` of the networks. It is computed and
    stored in float64: in float32, probabilities near 1 can become equal, which
    changes the classes.

    Args:
        scores: sequence of at least two `Scores`, with the same classes in
            the same order. Videos are matched by name.
        weights: `None` (equal weights), or sequence of one positive number for
            each. Defaults to `None`.
        softmax: bool. Whether to fuse probabilities instead of logits. Only
            for scores that are logits. Defaults to `False`.
        normalize: `None`, or `"l2"`: each video's scores (after the softmax,
            if any) are divided by their Euclidean norm before they are
            weighted, so that streams with larger scores do not outweigh the
            others. Scores that are all zero stay zero. Defaults to `None`.
        names: `None`, or sequence of str: names of the scores in messages.
            Defaults to `None`: `number 1` and so on.

    Returns:
        `Scores` of the videos that are in all, in the order of the first, in
        float64. A label that is unknown in one is taken from another. `meta`
        contains the weights as `fusion_weights`, `softmax`, `normalize`, each
        `meta` as `fused`, the videos of each that another does not have as
        `left_out`, and the test protocol if it is the same in all; a warning
        is logged if they differ. The `origin` has the origin of each as a
        parent, by its modality, and so all their marks.

    Raises:
        ValueError: if the classes or the known labels differ, no video is in
            all, softmax is requested for several labels per video or for scores
            fused after a softmax, or on invalid weights.

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.3.
    """
    scores = tuple(scores)
    joined = joining.join(scores, names)
    several = joined.scores[0].several
    checks.check(
        not (softmax and several),
        "softmax",
        "False for several labels per video, which have no softmax",
        softmax,
    )
    test = joining.tell_protocols(scores, names)
    joining.tell_data(scores, names)
    weights = _checked(weights, len(scores))
    checks.choice("normalize", normalize, (None, *NORMS))
    checks.check(
        not (softmax and any(one.meta.get("softmax") for one in scores)),
        "softmax",
        "logits, not scores that were fused after a softmax",
        softmax,
    )
    first = joined.scores[0]
    total = np.zeros(first.scores.shape)
    for one, weight in zip(joined.scores, weights):
        values = one.scores.astype("float64")
        if softmax:
            values = scipy.special.softmax(values, axis=1)
        if normalize is not None:
            values = sklearn.preprocessing.normalize(values, normalize)
        total += weight * values
    fused = Scores(
        videos=first.videos,
        scores=total / sum(weights),
        labels=first.labels,
        classes=first.classes,
        meta={
            "fusion_weights": list(weights),
            "softmax": softmax,
            "normalize": normalize,
            **_sigmoids(scores, normalize),
            **test,
            "fused": [one.meta for one in scores],
            "left_out": [list(videos) for videos in joined.left_out],
        },
    )
    origin = _origin(scores).replace(fingerprint=fused.fingerprint())
    return dataclasses.replace(fused, origin=origin)


def _sigmoids(scores, normalize):
    """The entry of `meta` for logits of sigmoids, if all scores are. The
    thresholds of a single network do not apply to the fusion."""
    sigmoids = all(one.meta.get("multi_label") for one in scores)
    return {"multi_label": True} if sigmoids and normalize is None else {}


def _origin(scores: collections.abc.Sequence[Scores]) -> Origin:
    """The `Origin` of fused scores: the facts that all have in common, and each
    as a parent by its stream."""
    origins = [one.origin or Origin("scores") for one in scores]
    common = {}
    for field in ("videos", "content", "split", "decoder", "versions"):
        first, *others = (getattr(origin, field) for origin in origins)
        if all(other == first for other in others):
            common[field] = first
    parents = {}
    for number, (one, origin) in enumerate(zip(scores, origins), 1):
        stream = str(one.meta.get("modality") or f"scores {number}")
        # Two networks may have the same modality.
        if stream in parents:
            stream = f"{stream} {number}"
        parents[stream] = origin
    return Origin("scores", parents=parents, **common)


def _checked(weights, number):
    """The fusion weights as a tuple of `number` positive numbers."""
    weights = (1.0,) * number if weights is None else tuple(weights)
    checks.check(
        len(weights) == number
        and all(
            checks.is_number(weight) and math.isfinite(weight) and weight > 0
            for weight in weights
        ),
        "weights",
        f"{number} positive numbers, one for each of the scores",
        weights,
    )
    return weights
