"""The class indices and class names of the labels of a list."""

import csv
import io
import pathlib
import re

from keras_vidrec.data.catalogs import list_table
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import documents

# A file whose name matches may contain the class names of a list beside it.
_FILE = re.compile(
    r"label|vocab|class_?ind|class_?list|class_?names|classes|categor",
    re.IGNORECASE,
)
_SUFFIXES = (".txt", ".csv", ".json", ".names")
_MOST_BYTES = 2**20


def number(labels, names=None, folders=None):
    """Converts the labels of a list to class indices.

    Args:
        labels: sequence of str: names of classes or, if all are whole numbers,
            indices.
        names: `None`, or dict from numbers to class names, as `read` returns
            it.
        folders: `None`, or sequence of str: the folder of each clip. If labels
            are numbers and `names` starts from 1, the folders may show whether
            the labels start from 0 or from 1.

    Returns:
        Pair of tuples: the class index of each label, and the class names, in
        the order of `names`, else in alphabetical order, or `"0"`, `"1"`, ...
        if labels are numbers.

    Raises:
        ValueError: if the numbers cannot be class indices.
    """
    numbers = [label.removeprefix("-") for label in labels]
    if numbers != list(labels) and all(x.isdecimal() for x in numbers):
        raise ValueError(
            "Labels that are numbers are class indices, from 0. Expected no "
            "clips without a class. Received: label="
            f"{next(x for x in labels if x.startswith('-'))}"
        )
    if not all(label.isdecimal() for label in labels):
        classes = tuple(sorted(set(labels)))
        if names is not None:
            classes = tuple(name for _, name in sorted(names.items()))
        places = {name: i for i, name in enumerate(classes)}
        return tuple(places[label] for label in labels), classes
    indices = tuple(map(int, labels))
    if names is not None:
        first = _first_number(indices, names, folders)
        classes = tuple(name for _, name in sorted(names.items()))
        return tuple(index - first for index in indices), classes
    # A small gap may be a class without clips. Large ones show that the column
    # is not one of class indices; each number would become a class.
    if max(indices) >= 1000 + 10 * len(set(indices)):
        raise ValueError(
            "Labels that are numbers are class indices. Expected them to run "
            f"from 0 without large gaps. Received: label={max(indices)} among "
            f"{len(set(indices))} different ones"
        )
    return indices, tuple(str(i) for i in range(max(indices) + 1))


def _first_number(indices, names, folders) -> int:
    """The number of the first class in a list: 0, or the lowest of `names`."""
    lowest, most = min(names), len(names)
    if lowest == 0 or min(indices) < lowest:
        return 0
    if max(indices) >= most:
        return lowest
    by_folder = [
        sum(
            names.get(i + lowest - first) == f for i, f in zip(indices, folders)
        )
        for first in (0, lowest)
    ]
    return lowest if by_folder[1] > by_folder[0] else 0


def find(path, labels):
    """Finds the file of class names that is next to a list and fits its labels.

    Args:
        path: `pathlib.Path` of the list.
        labels: sequence of str. The labels in the list.

    Returns:
        Pair: the path of the file, and a dict from numbers to class names as
        `read` returns it. `(None, None)` if no file fits, or if several fit
        that differ. `<list>.labels.txt` takes precedence.
    """
    if isinstance(path, storage.RemotePath):
        return None, None  # directories of object stores are not searched
    wanted = set(labels)
    fits = {}
    for beside in sorted(path.parent.iterdir()):
        if (
            beside == path
            or beside.suffix.lower() not in _SUFFIXES
            or not _FILE.search(beside.name)
            or not beside.is_file()
            or beside.stat().st_size > _MOST_BYTES
        ):
            continue
        names = read(beside)
        if names and _fit(wanted, names):
            fits[beside] = names
    own = path.with_suffix(".labels.txt")
    if own in fits:
        return own, fits[own]
    if len({tuple(sorted(names.items())) for names in fits.values()}) != 1:
        return None, None
    return next(iter(fits.items()))


def _fit(labels: set[str], names: dict[int, str]) -> bool:
    """Whether all labels are numbers or names of these classes."""
    if all(label.isdecimal() for label in labels):
        last = max(map(int, labels))
        return last < len(names) or (min(names) == 1 and last == len(names))
    return labels <= set(names.values())


def read(path):
    """Reads a file of class names: a dict from numbers, which start from 0 or
    1, to names; or `None` if the file has another content.

    The file may have one name on each line; lines `number name` or
    `name,number`, with or without a header; a JSON list of names or of lists of
    words; or a JSON dict between names and numbers, in either direction.
    """
    path = pathlib.Path(path)
    try:
        text = list_table.read_text(path)
    except ValueError:
        return None
    if path.suffix.lower() == ".json":
        pairs = _of_json(text)
    else:
        pairs = _of_lines(
            [ln.strip() for ln in text.splitlines() if ln.strip()]
        )
    names = dict(pairs or ())
    first = min(names, default=None)
    if first not in (0, 1) or len(set(names.values())) < len(pairs):
        return None
    return names if len(names) == max(names) - first + 1 else None


def _of_json(text: str):
    """Returns the pairs `(number, name)` of a text in JSON, or `None`."""
    try:
        content = documents.parse_json(text)
    except ValueError:
        return None
    if isinstance(content, list):
        names = [
            " ".join(map(str, name)) if isinstance(name, list) else name
            for name in content
        ]
        return list(enumerate(names)) if _are_texts(names) else None
    if not isinstance(content, dict):
        return None
    return _with_numbers([(str(k), str(v)) for k, v in content.items()])


def _of_lines(lines):
    """Returns the pairs `(number, name)` of lines."""
    for delimiter in "\t;,":
        rows = list(
            csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        )
        if all(len(row) == 2 for row in rows):
            rows = [tuple(field.strip() for field in row) for row in rows]
            # The first line may be a header.
            return _with_numbers(rows) or _with_numbers(rows[1:])
    pairs = [tuple(line.split(maxsplit=1)) for line in lines]
    if all(len(pair) == 2 for pair in pairs):
        numbered = _with_numbers(pairs)
        if numbered:
            return numbered
    return list(enumerate(lines))


def _with_numbers(pairs):
    """Returns pairs of texts as `(number, name)`; `None` if neither the first
    nor the second texts are all numbers."""
    for turn in (1, -1):
        sides = [pair[::turn] for pair in pairs]
        if sides and all(_is_number(number) for number, _ in sides):
            return [(int(number), name) for number, name in sides]
    return None


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _are_texts(names):
    return all(isinstance(name, str) for name in names)
