"""Reads scores of other programs from CSV files."""

import csv
import math
import pathlib

import numpy as np

from keras_vidrec.data.catalogs import official_splits
from keras_vidrec.data.catalogs.label_texts import SEPARATOR
from keras_vidrec.data.catalogs.split import doubles
from keras_vidrec.data.catalogs.split import refuse_any
from keras_vidrec.evaluation.scores.score_file import Scores

_FORM = "a header video,label,CLASS,CLASS,... and one line per video"


def from_csv(path, classes=None):
    """Reads scores from CSV text: a header `video,label,CLASS,CLASS,...`, and a
    line per video with its name, its label and one score for each class.

    A video must have the same name as in the scores it will be fused with. A
    label is the name of a class, the number of its column (0 for the first
    class), or empty if it is unknown. Several labels are separated by `;` or
    `|`; a separator alone is a video of none of the classes. Scores are any
    finite numbers; larger ones are more likely.

    Args:
        path: path of the file, in UTF-8.
        classes: `None`, or sequence of str: names of the classes in the order
            of the result. Columns are matched by name; columns with the names
            `0`, `1`, and so on get these names. Defaults to `None`: the names
            and the order of the header.

    Returns:
        `Scores`, in float64, with the name of the file as `source` in `meta`.

    Raises:
        ValueError: if the file does not have this form, a number is not finite,
            a video occurs twice or a label is not a class; the message contains
            the line.
    """
    path = pathlib.Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, skipinitialspace=True)
            columns = _columns(path, next(lines, []))
            videos, labels, scores = _rows(path, lines, columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} contains no scores. Expected CSV text in UTF-8, {_FORM}. "
            f"Received: {error}"
        ) from error
    refuse_any(
        doubles(videos), f"{path} contains a video twice", "one line per video"
    )
    if not videos:
        raise ValueError(
            f"{path} contains no scores. Expected {_FORM}. Received: only the "
            "header"
        )
    names = columns if classes is None else tuple(classes)
    order = _order(path, columns, names)
    places = np.argsort(order)  # index of the class of each column
    several = any(isinstance(label, tuple) for label in labels)
    return Scores(
        videos=videos,
        scores=np.array(scores)[:, order],
        labels=_sets(labels, places) if several else _numbers(labels, places),
        classes=names,
        meta={"source": path.name},
    )


def _numbers(labels, places):
    """Labels `(videos,)` as class indices, from the indices of columns."""
    labels = np.array(labels)
    return np.where(labels < 0, -1, places[labels])


def _sets(labels, places):
    """Labels `(videos, classes)` of 0 and 1, or -1 in rows of unknown labels,
    from the indices of columns."""
    rows = np.zeros((len(labels), len(places)), np.int8)
    for row, label in zip(rows, labels):
        shown = label if isinstance(label, tuple) else (label,)
        if shown == (-1,):
            row[:] = -1
        else:
            row[places[list(shown)]] = 1
    return rows


def read_classes(path):
    """Reads the names of classes in their order, from a score file (`.npz`),
    from lines such as `1 ApplyEyeMakeup` in UCF101's `classInd.txt`, or from
    lines with one name each.

    Args:
        path: path of the file.

    Returns:
        tuple of str.

    Raises:
        ValueError: if there is no such file, it has no class, or a class twice.
    """
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        return Scores.load(path).classes
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            "Expected a list of classes, one name per line in UTF-8. "
            f"Received: {path}: {error}"
        ) from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise ValueError(
            f"Expected {path} to have a line that names a class. Received: none"
        )
    fields = [name.split(maxsplit=1) for name in names]
    if all(len(field) == 2 and field[0].isdecimal() for field in fields):
        return official_splits.read_classes(path)
    refuse_any(doubles(names), f"Cannot read {path}", "every class once")
    return names


def _columns(path: pathlib.Path, header: list[str]) -> tuple[str, ...]:
    """The names of the columns of scores in a header."""
    header = [name.strip() for name in header]
    if header[:2] != ["video", "label"] or len(header) < 3 or not all(header):
        raise ValueError(
            f"Invalid header of {path}. Expected video,label,CLASS,CLASS,... "
            f"Received: {','.join(header)[:200]!r}"
        )
    refuse_any(
        doubles(header[2:]), f"Invalid header of {path}", "every class once"
    )
    return tuple(header[2:])


def _rows(path, lines, columns):
    """Reads the lines after the header.

    Returns:
        `(videos, labels, scores)`: lists with an item for each line. A label is
        the index of a column, -1 if unknown, or a tuple of indices.
    """
    places = {str(place): place for place in range(len(columns))}
    # A class may be called like the number of a column: names take precedence.
    places |= {name: place for place, name in enumerate(columns)} | {"": -1}
    videos, labels, scores = [], [], []
    for line in lines:
        if not any(field.strip() for field in line):
            continue
        where = f"line {lines.line_num} of {path}"
        if len(line) != len(columns) + 2 or not line[0].strip():
            raise ValueError(
                f"Invalid {where}. Expected a video, its label and "
                f"{len(columns)} scores. Received: {len(line)} fields, "
                f"{','.join(line)[:80]!r}"
            )
        video, label, *fields = (field.strip() for field in line)
        parts = [label]
        is_set = label not in places and SEPARATOR.search(label)
        if is_set:
            parts = [part.strip() for part in SEPARATOR.split(label)]
            parts = [part for part in parts if part]
        if not places.keys() >= {*parts}:
            raise ValueError(
                f"Unknown label in {where}. Expected a class of the header, "
                f"its number from 0 to {len(columns) - 1}, or nothing. "
                f"Received: {label!r}"
            )
        videos.append(video)
        found = tuple(places[part] for part in parts)
        labels.append(found if is_set else found[0])
        scores.append(
            np.array(
                [
                    _number(where, name, field)
                    for name, field in zip(columns, fields)
                ]
            )
        )
    return videos, labels, scores


def _number(where: str, name: str, field: str) -> float:
    try:
        number = float(field)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"Invalid score in {where}. Expected a finite number for {name!r}. "
            f"Received: {field!r}"
        )
    return number


def _order(path, columns, names):
    """The index of the column of each class in `names`, as an int array."""
    numbers = tuple(map(str, range(len(names))))
    if columns == numbers:
        return np.arange(len(names))
    if sorted(columns) != sorted(names):
        unknown = sorted({*columns} - {*names})
        missing = sorted({*names} - {*columns})
        odd = [f"without {missing[:3]}"] if missing else []
        odd += [f"with {unknown[:3]}"] if unknown else []
        raise ValueError(
            f"Expected {path} to have a column for each of the "
            f"{len(names)} classes. Received: {len(columns)} columns, "
            f"{' and '.join(odd)}"
        )
    places = {name: place for place, name in enumerate(columns)}
    return np.array([places[name] for name in names])
