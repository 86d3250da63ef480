"""Parts of a video file that are clips of their own: their start and end."""

import math

UNITS = ("seconds", "frames")


class SegmentError(ValueError):
    """What is in a list as start and end is no segment."""


def parse(start, end, unit):
    """The segment of two texts of a list.

    Args:
        start, end: str. Seconds (`12.5`, or `0:00:12.5`), or numbers of
            frames. Empty ones are the start and the end of the file.
        unit: str. `"seconds"`, or `"frames"`: the first frame, counted from
            0, and the one behind the last.

    Returns:
        `None` (the whole file), or tuple `(start, end, unit)`; the end is
        `None` where the segment runs to the end of the file.

    Raises:
        SegmentError: if they are no numbers, negative, or the end does not
            come behind the start.
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


def name(file, segment):
    """Name of the clip of a file: `long.mp4#2-4.5` from second 2 to 4.5,
    `long.mp4#f50-112` from frame 50 to before 112."""
    if segment is None:
        return file
    start, end, unit = segment
    mark = "f" if unit == "frames" else ""
    return f"{file}#{mark}{_text(start)}-{'' if end is None else _text(end)}"


def _stated(text):
    text = text.strip()
    return "" if text.lower() in ("nan", "none", "null") else text


def _number(text, unit):
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


def _text(number):
    return repr(number)
