"""The text of a list as a table, whichever way people write tables."""

import csv
import io
import re
import typing

from keras_vidrec.specs import documents
from keras_vidrec.specs import files

# In the order in which they are preferred where several fit.
_DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas"}


class Table(typing.NamedTuple):
    """A list, taken apart in one of the ways that are possible.

    Args:
        fields: list of list of str. The fields of each line.
        numbers: list of int. The number of each line, counted from 1.
        form: str. What it is, for people: `"separated by commas"`.
        is_sure: bool. Whether nothing else is possible: JSON, whose keys are
            the first line.
    """

    fields: list
    numbers: list
    form: str
    is_sure: bool = False


def read_text(path):
    """The text of a file in UTF-8, with or without a mark at its beginning, or
    in UTF-16; a `ValueError` if it is none."""
    if not path.is_file():
        raise ValueError(
            "Expected the list of videos to be an existing file. "
            f"Received: {str(path)!r}"
        )
    content = path.read_bytes()
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        # Half of the bytes of plain letters are zero.
        for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            half = content[start:200:2]
            if half and half.count(0) > len(half) / 2:
                encoding = name
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not a list of videos. Expected text in UTF-8 or "
            f"UTF-16. Received: {error}"
        ) from None


def tables(text):
    """The `Table`s that a text may be, the likeliest first."""
    # Excel writes which separator it takes.
    text = re.sub(r"\Asep=.\r?\n", "\n", text)
    if text.lstrip()[:1] in ("[", "{"):
        table = _json_table(text)
        if table is not None:
            return [table]
    found = []
    for delimiter, name in _DELIMITERS.items():
        table = _delimited(text, delimiter, name)
        if table is not None:
            found.append(table)
    return found + list(_with_blanks(text))


def _json_table(text):
    try:
        rows = documents.parse_json(text)
    except ValueError:
        try:
            rows = [
                documents.parse_json(line) for line in text.splitlines() if line
            ]
        except ValueError:
            return None
    if isinstance(rows, dict):
        # By name: {"a.mp4": {"label": "walk"}} or {"a.mp4": "walk"}
        rows = [
            {"path": key, **value}
            if isinstance(value, dict)
            else {"path": key, "label": value}
            for key, value in rows.items()
        ]
    if not all(isinstance(row, dict) for row in rows):
        return None
    header = list(dict.fromkeys(key for row in rows for key in row))
    fields = [[_plain(row.get(key)) for key in header] for row in rows]
    numbers = list(range(len(rows) + 1))
    return Table([header, *fields], numbers, "JSON", is_sure=True)


def _plain(value):
    if isinstance(value, list):
        return ";".join(map(_plain, value))
    return "" if value is None else str(value)


def _delimited(text, delimiter, name):
    lines, numbers = [], []
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
    )
    try:
        for line in reader:
            if any(field.strip() for field in line):
                lines.append([files.from_cell(field.strip()) for field in line])
                numbers.append(reader.line_num)
    except csv.Error:
        return None
    if not lines or len(lines[0]) < 2:
        return None
    return Table(lines, numbers, f"separated by {name}")


def _with_blanks(text):
    """Names have blanks too: they may be in the first field, or in the last."""
    kept = [
        (line.strip(), number)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    if not kept:
        return
    lines, numbers = map(list, zip(*kept))
    most = max(len(line.split()) for line in lines)
    yield Table(
        [line.split() for line in lines], numbers, "separated by blanks"
    )
    for count in range(1, min(most - 1, 5)):
        yield Table(
            [line.rsplit(maxsplit=count) for line in lines],
            numbers,
            "separated by blanks, blanks in names",
        )
    if most > 2:
        yield Table(
            [line.split(maxsplit=1) for line in lines],
            numbers,
            "separated by blanks, blanks in labels",
        )
