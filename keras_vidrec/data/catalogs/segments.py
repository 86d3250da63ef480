"""Segments: parts of a video file, with a start and an end, that are clips."""

import math

UNITS = ("seconds", "frames")


class SegmentError(ValueError):
    """The start and end in a list are not a valid segment."""


def parse(start: str, end: str, unit: str) -> tuple | None:
    """Parses the start and the end of a segment in a list.

    Args:
        start, end: str. Seconds (`12.5`, or `0:00:12.5`), or indices of frames.
            An empty text (also `nan`, `none`, `null`) means the start or the
            end of the file.
        unit: str. `"seconds"` or `"frames"`. Frames are counted from 0, and the
            end is the frame after the last one.

    Returns:
        `None` (the whole file), or tuple `(start, end, unit)`; the end is
        `None` if it is the end of the file.

    Raises:
        SegmentError: if they are not numbers, negative, or the end is not after
            the start.
    """
    texts = [_stated(start), _stated(end)]
    if texts == ["", ""]:
        return None
    try:
        numbers = [_number(text, unit) for text in texts]
    except ValueError:
        numbers = [-1.0, -1.0]
    first = numbers[0] or 0
    last = numbers[1]
    if first < 0 or (last is not None and not first < last):
        kind = "seconds" if unit == "seconds" else "numbers of frames"
        raise SegmentError(
            f"Expected a start of at least 0 and a later end, in {kind}. "
            f"Received: start={start!r}, end={end!r}"
        )
    if last is None and not first:
        return None
    return first, last, unit


def name(file: str, segment: tuple | None) -> str:
    """The name of a segment of a file: `long.mp4#2-4.5` for second 2 to 4.5,
    `long.mp4#f50-112` for the frames 50 to 111; `file` if it is `None`."""
    if segment is None:
        return file
    start, end, unit = segment
    mark = "f" if unit == "frames" else ""
    return f"{file}#{mark}{_text(start)}-{'' if end is None else _text(end)}"


def _stated(text: str) -> str:
    """A text without blanks around it; `""` for words that mean no value."""
    text = text.strip()
    return "" if text.lower() in ("nan", "none", "null") else text


def _number(text: str, unit: str) -> int | float | None:
    """The number that a text states in a unit; `None` for an empty text."""
    if not text:
        return None
    if unit == "frames":
        value = float(text)
        if not value.is_integer():
            raise ValueError(text)
        return int(value)
    value = 0.0
    for place in text.replace(",", ".").split(":"):
        value = 60 * value + float(place)
    if not math.isfinite(value) or "-" in text:
        raise ValueError(text)
    return int(value) if value == int(value) else value


def _text(number: int | float) -> str:
    return repr(number)
