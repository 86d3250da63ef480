"""The parts of a report on tests with several labels per video."""

import typing

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores import multi_label
from keras_vidrec.reporting.tables import Table


class View(typing.NamedTuple):
    """The parts of the page that depend on whether videos have one label or
    several. Columns are tuples of a title and a kind, as the tables of the
    template take them.

    Args:
        tiles: tuple of tuples `(name, value, note)`: the figures at the top.
        test_columns: tuple of columns of the table of tests.
        tests: list of its rows.
        tests_note: str. Explains its figures.
        class_columns: tuple of columns of the tables of classes.
        classes: list of rows of all classes.
        hardest: list of rows of the hardest classes.
        classes_note: str. Names the classes that are left out. Defaults to
            `""`.
    """

    tiles: tuple
    test_columns: tuple
    tests: list
    tests_note: str
    class_columns: tuple
    classes: list
    hardest: list
    classes_note: str = ""


_FIGURES = ("mean_average_precision", "micro_f1", "mean_class_f1")


def tests(scores):
    """Returns a `Table` of tests: name, number of videos, figures in [0, 1]
    (NaN if unknown) and marks.

    Args:
        scores: dict of `Scores` by the name of the test.
    """
    rows = []
    for name, one in scores.items():
        figures = metrics.summary(one)
        rows.append(
            (
                name,
                len(one.videos),
                int(one.known.sum()),
                *(figures.get(key, float("nan")) for key in _FIGURES),
                "; ".join(one.marks),
            )
        )
    header = ("test", "videos", "labeled", *_FIGURES, "marks")
    return Table(header, tuple(rows))


def classes(scores):
    """Returns a `Table` of the figures of each class, the lowest average
    precision first, classes without videos last."""
    table = multi_label.label_table(scores)
    # NaN, for classes without videos, is sorted last.
    order = np.lexsort((-table.videos, table.average_precisions))
    header = (
        "class",
        "videos",
        "average_precision",
        "threshold",
        "precision",
        "recall",
        "f1",
    )
    return Table(
        header,
        tuple(
            (
                scores.classes[one],
                int(table.videos[one]),
                *(float(column[one]) for column in table[1:]),
            )
            for one in order
        ),
    )


def view(scores, figures, how, hardest):
    """Returns the `View` of tests.

    Args:
        scores: dict of `Scores` by the name of the test.
        figures: dict with the tables `tests` and `classes`.
        how: function from the `meta` of scores to a description of the test.
        hardest: int. Number of classes in the list of the hardest ones.
    """
    main = next(iter(scores.values()))
    rows = figures["tests"].records()
    first = rows[0]
    shown = [row for row in figures["classes"].records() if row["videos"]]
    listed = [
        (
            row["class"],
            row["average_precision"],
            f"{row['threshold']:.3g}",
            row["precision"],
            row["recall"],
            row["f1"],
            row["videos"],
        )
        for row in shown
    ]
    left_out = multi_label.classes_left_out(main)
    note = ""
    if left_out and shown:
        note = (
            "Classes without a video are left out of the figures: "
            f"{', '.join(left_out)}."
        )
    return View(
        (
            ("Mean average precision", _share(first[_FIGURES[0]]), ""),
            ("Micro F1", _share(first[_FIGURES[1]]), "at the thresholds"),
            ("Mean class F1", _share(first[_FIGURES[2]]), "at the thresholds"),
            ("Videos", first["videos"], f"{first['labeled']} with labels"),
        ),
        (
            ("Test", "text"),
            ("Mean average precision", "share"),
            ("Micro F1", "share"),
            ("Mean class F1", "share"),
            ("Videos", "number"),
            ("How", "text"),
        ),
        [
            (
                row["test"],
                *(row[key] for key in _FIGURES),
                row["videos"]
                if row["videos"] == row["labeled"]
                else f"{row['labeled']}/{row['videos']}",
                how(one.meta),
            )
            for row, one in zip(rows, scores.values())
        ],
        "Mean of the average precisions of the classes that occur. The "
        "average precision of a class is the mean of the precisions at each "
        "of its videos, in the order of the scores. F1 counts a class as "
        "present if its probability reaches its threshold; it is given over "
        "all labels together and as the mean over the classes.",
        (
            ("Class", "text"),
            ("Average precision", "bar"),
            ("Threshold", "number"),
            ("Precision", "share"),
            ("Recall", "share"),
            ("F1", "share"),
            ("Videos", "number"),
        ),
        listed,
        listed[:hardest],
        note,
    )


def _share(value):
    return "\u2013" if np.isnan(value) else f"{100 * value:.2f} %"
