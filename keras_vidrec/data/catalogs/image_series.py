"""Numbered images in a folder: their template and numbers, found by looking."""

import itertools
import os
import re
import typing

from keras_vidrec.videos.video import VideoError

# The last number of a name counts, what stands before it is the prefix.
_NUMBERED = re.compile(
    r"(?P<prefix>.*?)(?P<number>\d+)(?P<suffix>\.(?:jpg|jpeg|png))",
    re.IGNORECASE,
)


class ImageSeries(typing.NamedTuple):
    """Images without gaps: `<prefix><number><suffix>`.

    Args:
        directory: str. Where they lie.
        prefix: str. What the names begin with, `"img_"`.
        first: int. The first number.
        count: int. How many images there are.
        width: int. Digits, filled up with zeros; 1 if not filled up.
        suffix: str. `".jpg"`.
    """

    directory: str
    prefix: str
    first: int
    count: int
    width: int
    suffix: str

    def path(self, index):
        """Path of image `index`, counted from 0 whatever its number."""
        number = f"{self.first + index:0{self.width}d}"
        return os.path.join(
            self.directory, f"{self.prefix}{number}{self.suffix}"
        )


def is_image(name):
    """Whether a file name is that of a numbered image.

    Args:
        name: str.

    Returns:
        bool.
    """
    return bool(_NUMBERED.fullmatch(name)) and not name.startswith(".")


def find(directory):
    """The series of images in a folder, by their prefix.

    Args:
        directory: path.

    Returns:
        dict of str to `ImageSeries`, or to the `VideoError` that says what is
        wrong with it: numbers are missing or stand twice, or names are not of
        one form. Empty if there are no numbered images.
    """
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if is_image(entry.name):
                match = _NUMBERED.fullmatch(entry.name)
                found.setdefault(match["prefix"], []).append(
                    (int(match["number"]), match["number"], match["suffix"])
                )
    series = {}
    for prefix, images in sorted(found.items()):
        try:
            series[prefix] = _series(
                os.fspath(directory), prefix, sorted(images)
            )
        except VideoError as error:
            series[prefix] = error
    return series


def _series(directory, prefix, images):
    numbers = [number for number, _, _ in images]
    first, last = numbers[0], numbers[-1]
    _, digits, suffix = images[0]
    width = len(digits)
    odd = [
        f"{prefix}{text}{end}"
        for number, text, end in images
        if (text, end) != (f"{number:0{width}d}", suffix)
    ]
    if odd:
        raise VideoError(
            directory,
            "its images are not named in one way. Expected names such as "
            f"{prefix}{digits}{suffix}. Received: {odd[0]!r} ({len(odd)} such)",
        )
    num_missing = last - first + 1 - len(images)
    if num_missing:
        there = set(numbers)
        missing = (n for n in range(first, last) if n not in there)
        shown = ", ".join(map(str, itertools.islice(missing, 8)))
        raise VideoError(
            directory,
            f"images {prefix}*{suffix} are missing. Expected every number from "
            f"{first} to {last}. Missing: {shown} ({num_missing} in all)",
        )
    return ImageSeries(directory, prefix, first, len(images), width, suffix)
