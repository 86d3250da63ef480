"""Files that are there whole or not at all."""

import contextlib
import csv
import os
import pathlib
import shutil

# What a spreadsheet computes begins with one of these.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path` that takes its place at the end.

    What stood there before stays until then; after an error nothing of the
    attempt is left. Works for files and for directories.

    Args:
        path: path of the file or directory to be.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffixes stay last: writers choose their format by them.
    temporary = path.with_name(f".{os.getpid()}.partial.{path.name}")
    _remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def write_text(path, text):
    """Writes a text file in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_table(path, header, rows):
    """Writes a table as CSV in UTF-8, whole or not at all. What UTF-8 cannot
    hold, as names of files may be, becomes `?`. Text that a spreadsheet would
    take for a formula, from `=`, `+`, `-`, `@`, a tab or a carriage return on,
    gets a `'` before it; numbers stay numbers."""
    with replacing(path) as temporary:
        with open(temporary, "w", -1, "utf-8", "replace", "") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(map(to_cell, header))
            writer.writerows(map(to_cell, row) for row in rows)


def to_cell(value):
    """A value as `write_table` puts it into a cell."""
    if not isinstance(value, str):
        return value
    try:
        float(value)
    except ValueError:
        is_formula = value.lstrip("'").startswith(_FORMULAS)
        text = f"'{value}" if is_formula else value
        # Not quoted by `csv`, it would begin a line, and so a cell.
        return text.replace("\r", "\\r")
    return value


def from_cell(text):
    """The text that a cell stands for: the inverse of `to_cell`, but for
    carriage returns."""
    is_formula = text.lstrip("'").startswith(_FORMULAS)
    return text.removeprefix("'") if is_formula else text


def remove_unfinished(directory):
    """Removes what killed processes have left of their attempts to write."""
    for path in pathlib.Path(directory).glob(".*.partial.*"):
        _remove(path)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
