"""The figures of a report as tables, for its CSV files and its page."""

import math
import statistics
import typing

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.specs import files


class Table(typing.NamedTuple):
    """A table of str and numbers.

    Args:
        header: tuple of str. Names of the columns.
        rows: tuple of tuples, one value for each column.
    """

    header: tuple
    rows: tuple

    def records(self):
        """Returns a list of dicts, one for each row, with the header's names
        as keys."""
        return [dict(zip(self.header, row)) for row in self.rows]

    def save(self, path):
        """Writes the table as CSV. NaN becomes an empty cell."""
        rows = ([*map(_as_csv, row)] for row in self.rows)
        files.write_table(path, self.header, rows)


class Pair(typing.NamedTuple):
    """Videos of one class for which another class was predicted.

    Args:
        label: int. The true class.
        taken_for: int. The predicted class.
        times: int. Number of these videos.
        videos: int. Number of videos of the true class.
        reverse: int. Number of videos of class `taken_for` for which `label`
            was predicted.
    """

    label: int
    taken_for: int
    times: int
    videos: int
    reverse: int


def tests(scores):
    """Returns a `Table` of tests: name, number of videos, figures in [0, 1]
    (NaN if no video has a label or `metrics.summary` does not have the figure),
    and marks.

    Args:
        scores: dict of `Scores` by the name of the test.
    """
    header = (
        "test",
        "videos",
        "labeled",
        "top_1",
        "top_1_low_95",
        "top_1_high_95",
        "top_5",
        "mean_class_accuracy",
        "calibration_error",
        "marks",
    )
    rows = []
    for name, one in scores.items():
        figures = metrics.summary(one)
        rows.append(
            (
                name,
                len(one.videos),
                int(np.sum(one.labels >= 0)),
                figures["top_1"],
                *metrics.accuracy_interval(one.scores, one.labels),
                figures.get("top_5", math.nan),
                figures["mean_class_accuracy"],
                figures.get("calibration_error", math.nan),
                "; ".join(one.marks),
            )
        )
    return Table(header, tuple(rows))


def classes(scores):
    """Returns a `Table` of the figures of each class, the lowest accuracy
    first, classes without videos last.

    `taken_for` is the most frequent wrong class (the first one of several that
    are equally frequent), `times` its number of videos; `""` and 0 if there is
    none.
    """
    figures = metrics.class_table(scores.scores, scores.labels)
    wrong = _mistakes(scores)
    rows = []
    for label in np.lexsort((-figures.videos, figures.accuracies)):  # NaN last
        other = wrong[label].argmax()
        times = int(wrong[label, other])
        rows.append(
            (
                scores.classes[label],
                int(figures.videos[label]),
                float(figures.accuracies[label]),
                float(figures.precisions[label]),
                float(figures.f1[label]),
                scores.classes[other] if times else "",
                times,
            )
        )
    header = (
        "class",
        "videos",
        "accuracy",
        "precision",
        "f1",
        "taken_for",
        "times",
    )
    return Table(header, tuple(rows))


def confusion_matrix(scores):
    """Returns a `Table` of the number of videos by true class (rows) and
    predicted class (columns)."""
    matrix = metrics.confusion_matrix(scores.scores, scores.labels)
    return Table(
        ("class", *scores.classes),
        tuple(
            (name, *row) for name, row in zip(scores.classes, matrix.tolist())
        ),
    )


def confused_pairs(scores):
    """Returns a tuple of `Pair`, the most frequent first."""
    wrong = _mistakes(scores)
    order = np.argsort(-wrong, axis=None, kind="stable")
    order = order[: np.count_nonzero(wrong)]
    videos = np.bincount(
        scores.labels[scores.labels >= 0], minlength=len(scores.classes)
    )
    return tuple(
        Pair(
            int(label),
            int(other),
            int(wrong[label, other]),
            int(videos[label]),
            int(wrong[other, label]),
        )
        for label, other in zip(*np.unravel_index(order, wrong.shape))
    )


def pairs(scores, found):
    """Returns a `Table` of the result of `confused_pairs`, with the names of
    the classes."""
    names = scores.classes
    return Table(
        ("class", "taken_for", "times", "videos", "the_other_way_round"),
        tuple(
            (names[pair.label], names[pair.taken_for], *pair[2:])
            for pair in found
        ),
    )


def speed(log, scores, size=None, measured=()):
    """Returns a `Table` of the size of a network and its speed in training, in
    tests, and as measured by `vidrec benchmark`.

    Args:
        log: dict as returned by `curves.read`.
        scores: dict of `Scores` by the name of the test.
        size: `None`, or `Size` of the network. Defaults to `None`.
        measured: sequence of `Measurement`. Defaults to none.
    """
    rows = []
    if size is not None:
        clip = f"a clip of {size.clip_text}"
        rows.append(("network", "parameters", size.parameters))
        rows.append((clip, "multiply-adds", size.multiply_adds))
    for column, unit in (
        ("clips_per_second", "clips a second"),
        ("input_wait", "share of time waiting"),
    ):
        values = [x for x in log.get(column, ()) if not math.isnan(x)]
        if values:
            value = statistics.median(values)
            rows.append(("training, median epoch", unit, value))
    for name, one in scores.items():
        rate = one.meta.get("videos_per_second")
        if isinstance(rate, (int, float)):
            rows.append((name, "videos a second", float(rate)))
    for one in measured:
        what = f"batch of {one.batch_size} on {one.device}, {one.precision}"
        rows.append((what, "milliseconds, median", 1000 * one.latency))
        rows.append((what, "clips a second", one.throughput))
    return Table(("what", "unit", "value"), tuple(rows))


def _mistakes(scores):
    """Returns the confusion matrix with 0 on the diagonal."""
    wrong = metrics.confusion_matrix(scores.scores, scores.labels)
    np.fill_diagonal(wrong, 0)
    return wrong


def _as_csv(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return value
