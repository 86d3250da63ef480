"""Joins the scores of several networks by the names of the videos."""

import dataclasses
import itertools
import logging
import typing

import numpy as np

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol

logger = logging.getLogger("keras_vidrec")

# Fields of a test that are compared. The position of motion images in a snippet
# (`alignment`) depends on the network and does not exist for single frames.
_FIELDS = tuple(
    field.name
    for field in dataclasses.fields(TestProtocol)
    if field.name != "alignment"
)


class Joined(typing.NamedTuple):
    """Scores of several networks for the same videos.

    Attributes:
        scores: tuple of `Scores`, all with the same videos in the same order,
            the same classes and the same labels.
        left_out: tuple of tuples of str: the videos of each that another one
            does not have.
    """

    scores: tuple
    left_out: tuple


def join(scores, names=None):
    """Selects the videos that are in all scores, by their names.

    Args:
        scores: sequence of at least two `Scores`, with the same classes in
            the same order.
        names: `None`, or sequence of str: names of the scores in messages.
            Defaults to `None`: `number 1` and so on.

    Returns:
        `Joined`, with the videos in the order of the first. A label that is
        unknown in one is taken from another.

    Raises:
        ValueError: if the classes or the known labels of a video differ (the
            message contains the first difference), or no video is in all.
    """
    scores = tuple(scores)
    if len(scores) < 2:
        raise ValueError(
            f"Expected at least two scores. Received: {len(scores)}"
        )
    names = names or [f"number {i}" for i in range(1, len(scores) + 1)]
    for other, name in zip(scores[1:], names[1:]):
        _check_classes(scores[0].classes, other.classes, names[0], name)
    shared = set(scores[0].videos).intersection(
        *(other.videos for other in scores[1:])
    )
    if not shared:
        raise ValueError(
            "Expected scores of the same videos. Received: no video that is "
            f"in all, such as {_first(scores[0].videos)} in {names[0]} and "
            f"{_first(scores[1].videos)} in {names[1]}"
        )
    videos = tuple(video for video in scores[0].videos if video in shared)
    rows = [_rows(one, videos) for one in scores]
    labels = None
    for one, order, name in zip(scores, rows, names):
        labels = _joined(videos, labels, one.labels[order], one.classes, name)
    return Joined(
        tuple(
            dataclasses.replace(
                one, videos=videos, scores=one.scores[order], labels=labels
            )
            for one, order in zip(scores, rows)
        ),
        tuple(
            tuple(video for video in one.videos if video not in shared)
            for one in scores
        ),
    )


def tell_protocols(scores, names=None):
    """Logs a warning if scores are from tests with different protocols, because
    then they do not differ only by the networks. Scores without a test are
    ignored.

    Args:
        scores: sequence of `Scores`.
        names: as for `join`.

    Returns:
        dict with `protocol` and the fields of `TestProtocol`, if they are the
        same in all; empty if not.
    """
    names = names or [f"number {i}" for i in range(1, len(scores) + 1)]
    tests = {
        name: {field: one.meta.get(field) for field in _FIELDS}
        for name, one in zip(names, scores)
        if one.meta.get("protocol")
    }
    differing = [
        field
        for field in _FIELDS
        if len({str(test[field]) for test in tests.values()}) > 1
    ]
    if differing:
        logger.warning(
            "The tests are of different protocols: %s.",
            "; ".join(
                f"{one.meta['protocol']} ("
                + ", ".join(f"{key}={tests[name][key]}" for key in differing)
                + f") of {name}"
                for name, one in zip(names, scores)
                if name in tests
            ),
        )
    if differing or len(tests) < len(scores):
        return {}
    first = scores[0].meta
    return {key: first.get(key) for key in ("protocol", *_FIELDS)}


def tell_data(scores, names=None) -> None:
    """Logs a warning if scores are from different splits, or from videos with
    the same names but different content. Scores without an origin are ignored.

    Args:
        scores: sequence of `Scores`.
        names: as for `join`.
    """
    names = names or [f"number {i}" for i in range(1, len(scores) + 1)]
    origins = {
        name: one.origin
        for name, one in zip(names, scores)
        if one.origin is not None
    }
    splits = {
        name: origin.split
        for name, origin in origins.items()
        if origin.split is not None
    }
    if len({*splits.values()}) > 1:
        logger.warning(
            "The tests are of different splits: %s.",
            ", ".join(f"{split} of {name}" for name, split in splits.items()),
        )
    for one, other in itertools.combinations(origins, 2):
        a, b = origins[one], origins[other]
        # Video files and frame folders have different kinds of content hashes,
        # which cannot be compared.
        if (
            a.videos is not None
            and a.videos == b.videos
            and None not in (a.content, b.content)
            and a.content != b.content
            and _made_of(a) == _made_of(b)
        ):
            logger.warning(
                "The videos of the tests have the same names but different "
                "content: %s, %s.",
                one,
                other,
            )


def _made_of(origin: Origin) -> set:
    """The kinds of the datasets at the start of a chain of origins, such as
    videos or frames."""
    return {
        one.kind
        for path, one in origin.generations()
        if {*path} <= {"dataset"} and "dataset" not in one.parents
    }


def _check_classes(
    classes: tuple[str, ...],
    others: tuple[str, ...],
    name: str,
    other_name: str,
) -> None:
    """Raises an error if two scores have different classes."""
    if len(classes) != len(others):
        difference = f"{len(others)} classes for {len(classes)}"
    elif classes != others:
        place = next(
            i for i, pair in enumerate(zip(classes, others)) if len({*pair}) > 1
        )
        difference = f"{others[place]!r} for {classes[place]!r}, class {place},"
    else:
        return
    raise ValueError(
        "Expected scores of the same classes in one order. Received: "
        f"{difference} in {other_name}, compared with {name}"
    )


def _first(videos: tuple[str, ...]) -> str:
    return repr(videos[0]) if videos else "none"


def _rows(scores: Scores, videos):
    """The rows of videos in scores, as a list of int."""
    places = {video: place for place, video in enumerate(scores.videos)}
    return [places[video] for video in videos]


def _joined(videos, labels, others, classes, name):
    """Completes unknown labels of videos (`None`: all are unknown) by those of
    the scores called `name`; raises a `ValueError` if known labels differ."""
    if labels is None:
        return others
    if labels.ndim != others.ndim:
        raise ValueError(
            "Expected scores of videos that all have one label, or all "
            f"several. Received: {'several' if others.ndim == 2 else 'one'} in "
            f"{name}, the other before"
        )
    # Rows of one label, or of one value for each class.
    one, other = (x.reshape(len(videos), -1) for x in (labels, others))
    unknown = one.min(axis=1) < 0
    wrong = ~unknown & (other.min(axis=1) >= 0) & (one != other).any(axis=1)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueError(
            "Expected the same labels. Received: "
            f"{_named(others[place], classes)} for {videos[place]!r} in "
            f"{name}, {_named(labels[place], classes)} before"
        )
    joined = np.where(unknown[:, None], other, one)
    return joined.reshape(labels.shape)


def _named(label, classes):
    """The name of the class of a label, or the names of a row of labels."""
    if np.ndim(label):
        names = [classes[one] for one in np.flatnonzero(label)]
        return " and ".join(map(repr, names)) or "none"
    return repr(classes[label])
