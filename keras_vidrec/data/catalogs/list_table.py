"""Parses the text of a list as a table: JSON, or fields separated by tabs,
semicolons, commas or blanks."""

import csv
import io
import re
import typing

from keras_vidrec.specs import documents
from keras_vidrec.specs import files

# In the order of preference.
_DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas"}


class Table(typing.NamedTuple):
    """A list, parsed in one of the possible ways.

    Args:
        fields: list of lists of str. The fields of each line.
        numbers: list of int. The number of each line in the file, counted from
            1; for JSON the number of the row, 0 for the keys.
        form: str. The format, for messages: `"separated by commas"`.
        is_sure: bool. Whether no other format is possible. This is JSON, whose
            keys are the first line of `fields`.
    """

    fields: list
    numbers: list
    form: str
    is_sure: bool = False


def read_text(path) -> str:
    """Reads a text file in UTF-8 or UTF-16, with or without a byte order mark.

    Raises:
        ValueError: if there is no such file, or it has another encoding.
    """
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
        # In UTF-16 every second byte of ASCII letters is zero.
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


def tables(text: str) -> list[Table]:
    """Parses a text in all possible ways; the likeliest table is the first."""
    # A first line in which Excel states the separator.
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


def _json_table(text: str) -> Table | None:
    """Parses JSON or lines of JSON; `None` if the text is something else."""
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


def _plain(value) -> str:
    """The text of a value of JSON, with `;` between the items of a list."""
    if isinstance(value, list):
        return ";".join(map(_plain, value))
    return "" if value is None else str(value)


def _delimited(text: str, delimiter: str, name: str) -> Table | None:
    """Parses a text as CSV with a delimiter; `None` if the first line has fewer
    than two fields."""
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


def _with_blanks(text: str):
    """Yields the tables of a text whose fields are separated by blanks.

    File names or labels may contain blanks, so there is more than one: all
    blanks separate fields, or the first field or the last one contains blanks.
    """
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
