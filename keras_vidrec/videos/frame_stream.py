"""The frames of a video file in sequence, with their times."""

import collections.abc
import contextlib
import os
import pathlib
import typing

import numpy as np

from keras_vidrec.specs import checks
from keras_vidrec.videos import examination
from keras_vidrec.videos import opening
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos.decoder import DEINTERLACE
from keras_vidrec.videos.decoder import Decoder
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.errors import name_of
from keras_vidrec.videos.steady import steady

# The most seconds that a frame may be shown, for example in a recording of a
# screen. If the next time stamp is later, there is a gap.
_LONGEST = 600.0


class FileStream:
    """The frames of a video file at a constant rate, in constant memory.

    Times are presentation time stamps, in seconds from the start of the file,
    which may be sound: those that a player shows and that `ffmpeg -ss` takes.

    Args:
        path: path of the file, or an open binary file that can seek.
        frame_rate: `None`, or float. Frames per second of the file; its time
            stamps are ignored. Defaults to `None`: time stamps are used.
        fps: `None`, or float. Frames per second of `frames`, as in
            `FrameSpec.fps`. Defaults to `None`: those of the file, or the most
            common rate if it varies.
        deinterlace: `None`, `"yadif"` or `"bob"`. See `video.probe`. Defaults
            to `None`.

    Attributes:
        name: str. The path as given.
        frame_rate: float. Frames per second of `frames`.
        deinterlace: as given.
        num_skipped: int, always 0. `CameraStream` has the same attribute.
        health: `None`, or `Health` after the file was read to its end.

    Raises:
        VideoError: if it cannot be read, or its frame rate is unknown and
            `frame_rate` is `None`.
        ValueError: if an argument is invalid.
    """

    num_skipped = 0

    def __init__(
        self,
        path: str | os.PathLike[str] | typing.BinaryIO,
        frame_rate: float | None = None,
        fps: float | None = None,
        deinterlace: str | None = None,
    ) -> None:
        checks.choice("deinterlace", deinterlace, DEINTERLACE)
        for name, value in (("frame_rate", frame_rate), ("fps", fps)):
            if value is not None:
                checks.positive(name, value)
        self.name = str(name_of(path))
        self.health = None
        self._path = path if hasattr(path, "read") else pathlib.Path(path)
        self.deinterlace = deinterlace
        self._by_stamps = not frame_rate
        rate = self._measure() if self._by_stamps else frame_rate
        if not rate:
            raise VideoError(
                path,
                "its frame rate is unknown. Expected `frame_rate` "
                "(--frame-rate), frames a second.",
            )
        self._own_rate = rate * (2 if deinterlace == "bob" else 1)
        self.frame_rate = fps or self._own_rate

    def frames(
        self, hold: int
    ) -> collections.abc.Iterator[tuple[int, float, np.ndarray]]:
        """Yields `(index, seconds, frame)`: the number of a frame from 0, its
        time, and a uint8 array `(height, width, 3)`, R G B.

        The rate is `frame_rate`; if the file has another, frames are repeated
        or left out, so that each is the nearest in time. Numbers are left out
        if there is no frame for ten minutes.

        Args:
            hold: int. Not used; `CameraStream.frames` has the same argument.

        Raises:
            VideoError: if the file cannot be read.
        """
        with self._decoding() as decoder:
            last = None
            timed = self._timed(decoder)
            for index, frame in steady(timed, self.frame_rate, _LONGEST):
                if frame is not last:
                    last, image = frame, decoder.retrieve(frame)
                yield (
                    index,
                    self._late(decoder) + index / self.frame_rate,
                    image,
                )

    def own_frames(self) -> collections.abc.Iterator[tuple[float, np.ndarray]]:
        """Yields `(seconds, frame)` for each frame of the file; none is
        repeated or left out.

        Raises:
            VideoError: if the file cannot be read.
        """
        with self._decoding() as decoder:
            for seconds, frame in self._timed(decoder):
                yield self._late(decoder) + seconds, decoder.retrieve(frame)

    @contextlib.contextmanager
    def _decoding(self):
        with opening.opened(self._path) as (container, stream):
            decoder = Decoder(
                self._path, container, stream, deinterlace=self.deinterlace
            )
            yield decoder
            self.health, _ = examination.summary(
                container, stream, decoder, self.deinterlace
            )

    def _timed(self, decoder):
        found = True
        while found:
            seconds = (
                decoder.seconds()
                if self._by_stamps
                else decoder.position / self._own_rate
            )
            yield seconds, decoder.frame
            found = decoder.advance()

    def _late(self, decoder):
        return decoder.late if self._by_stamps else 0.0

    def _measure(self):
        with opening.opened(self._path) as (container, stream):
            return time_stamps.measured_rate(container, stream)
