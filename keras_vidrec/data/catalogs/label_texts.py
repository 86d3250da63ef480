"""Parses the column of labels of a list: one label per clip, or several."""

import collections
import re
import typing

# Separators of several labels, besides commas and blanks.
SEPARATOR = re.compile("[;|]")
_NUMBERS = re.compile(r"\d+(\s+\d+)+")
_NUMBER = r"\d+(?:\.\d+)?"
# Times or other numbers before a label, without column names.
_NUMBERS_AHEAD = re.compile(rf"({_NUMBER}\s+){{2,}}\S.*")
# Charades: a label, its start and its end.
_TIMED = re.compile(rf"(\S+)\s+{_NUMBER}\s+{_NUMBER}")


class Labels(typing.NamedTuple):
    """The labels of the lines of a list.

    Args:
        names: list of tuples of str, the labels of each line.
        several: bool. Whether clips may have several labels.
        said: tuple of str. Messages for the user about how the column was
            understood.
    """

    names: list
    several: bool
    said: tuple = ()


def read(rows):
    """Parses the labels of the lines of a list.

    Several labels are separated by `;` or `|`, and numbers also by blanks.
    Commas separate labels only if each part is also part of another line's
    label; otherwise, and before a space, a comma belongs to the name of a
    class. The start and end after a label, `c001 0.0 5.2`, are left out.

    Args:
        rows: sequence of `video_list.Row`.

    Returns:
        `Labels`.

    Raises:
        ValueError: if numbers come before a label.
    """
    texts = [row.label for row in rows]
    shared = collections.Counter(
        word for text in {*texts} for word in _words(text)
    )
    separated = any(SEPARATOR.search(text) for text in texts)
    names = []
    for row, text in zip(rows, texts):
        if SEPARATOR.search(text):
            parts = [part.strip() for part in SEPARATOR.split(text)]
        elif _NUMBERS.fullmatch(text):
            parts = text.split()
        elif _NUMBERS_AHEAD.fullmatch(text):
            raise ValueError(
                "There are numbers before a label. Expected column names in "
                "the first line if there are other columns than path and "
                f"label, such as start and end. Received: '{row.path}: "
                f"{text}' ({row.place})"
            )
        else:
            parts = [text]
            words = _words(text)
            if not separated and all(shared[word] > 1 for word in words):
                parts = words
        names.append(tuple(dict.fromkeys(part for part in parts if part)))
    several = separated or any(len(parts) > 1 for parts in names)
    timed = [_TIMED.fullmatch(part) for parts in names for part in parts]
    if (
        timed
        and all(timed)
        and (separated or any("." in part.group() for part in timed))
    ):
        names = [
            tuple(dict.fromkeys(_TIMED.sub(r"\1", part) for part in parts))
            for parts in names
        ]
        return Labels(names, several, ("times of labels are not used",))
    return Labels(names, several)


def _words(label: str) -> list[str]:
    """The parts of a label between commas; the whole label if a part is empty
    or has blanks around it."""
    words = label.split(",")
    return words if all(w and w == w.strip() for w in words) else [label]
