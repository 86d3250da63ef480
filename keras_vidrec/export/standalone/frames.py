"""Reads the frames of a file for a network."""

import collections

import av
import cv2

from keras_vidrec.export.standalone.decoding import MAX_PIXELS
from keras_vidrec.export.standalone.decoding import NOTHING
from keras_vidrec.export.standalone.decoding import Converter
from keras_vidrec.export.standalone.decoding import Problem
from keras_vidrec.export.standalone.decoding import decoded
from keras_vidrec.export.standalone.decoding import opened
from keras_vidrec.export.standalone.stamps import at_rate
from keras_vidrec.export.standalone.stamps import times_of


class Video:
    """The frames of a file, with the frame rate and size of a network.

    The file is decoded twice: by `__init__` to count its frames, and by `read`.
    `frame` is a dict of the settings of frames.
    """

    def __init__(self, path, frame):
        self._path, self._frame = path, frame
        self._taken = None
        self.remarks = []
        notes, shown, stored = collections.Counter(), [], []
        with opened(path) as (container, stream):
            for picture in decoded(container, stream, notes):
                if not shown:
                    Converter(picture)
                shown.append(picture.pts)
                stored.append(picture.dts)
                notes["damaged"] += picture.is_corrupt
            if not shown:
                raise Problem(NOTHING)
            self.num_frames = len(shown)
            there, spare = notes["packets"], 0
            if container.format.name == "avi":
                # In AVI, time stamps count frames; some have no packet.
                there, spare = 1 + notes["last"] - (stream.start_time or 0), 2
            if stream.frames > there + spare:
                lost = stream.frames - there
                self.remarks.append(
                    f"of the {stream.frames} frames that it states, the last "
                    f"{'is' if lost == 1 else f'{lost} are'} cut off"
                )
            if frame["fps"] is not None:
                times = times_of(shown, stored, container, stream)
                if times is None:
                    raise Problem(
                        "the times of its frames cannot be derived from its "
                        "time stamps"
                    )
                self._taken = at_rate(times, frame["fps"])
                self.num_frames = len(self._taken)
        if notes["damaged"]:
            number = notes["damaged"]
            frames = "frame is" if number == 1 else "frames are"
            self.remarks.append(f"{number} {frames} damaged")

    def read(self, numbers):
        """Returns a dict of frames, uint8 arrays `(height, width, 3)`, by
        their number."""
        own = {
            n: n if self._taken is None else int(self._taken[n])
            for n in numbers
        }
        wanted, last, found = set(own.values()), max(own.values()), {}
        with opened(self._path) as (container, stream):
            convert = None
            pictures = decoded(container, stream, collections.Counter())
            for number, picture in zip(range(last + 1), pictures):
                convert = convert or Converter(picture)
                if number in wanted:
                    try:
                        found[number] = resized(convert(picture), self._frame)
                    except (av.FFmpegError, ValueError):
                        raise Problem(
                            f"frame {number} cannot be converted to RGB. "
                            "Convert the file to another format."
                        ) from None
        return {n: found[number] for n, number in own.items()}


def size_of(rule, height, width):
    """Returns height and width after resizing by a rule: "short256" (shorter
    side), or "340x256" (width x height)."""
    if not rule.startswith("short"):
        return tuple(map(int, reversed(rule.split("x"))))
    short, base = int(rule.removeprefix("short")), min(height, width)
    return tuple(max(round(n * short / base), 1) for n in (height, width))


def resized(image, frame):
    height, width = image.shape[:2]
    rows, columns = size_of(frame["size"], height, width)
    if rows * columns > MAX_PIXELS:
        raise Problem(f"its resized frames have over {MAX_PIXELS} pixels")
    if frame["interpolation"] == "area":
        smaller = min(height, rows), min(width, columns)
        if (height, width) != smaller:
            image = cv2.resize(
                image, smaller[::-1], interpolation=cv2.INTER_AREA
            )
    if image.shape[:2] == (rows, columns):
        return image
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
