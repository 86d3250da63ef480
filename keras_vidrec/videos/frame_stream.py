"""Frames one after the other, of a file or of a camera."""

import pathlib

from keras_vidrec.videos import examination
from keras_vidrec.videos import opening
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos.decoder import Decoder
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.errors import name_of


class FileStream:
    """The frames of a video file at a constant rate, in constant memory.

    Args:
        path: path of the file, or an open binary file that can seek.
        frame_rate: `None`, or float. Frames a second, whatever the time stamps
            of the file say. Defaults to `None`: as the file states it. Where
            its time stamps do not follow each other at that rate, frames are
            repeated or left out, the nearest in time being shown.

    Attributes:
        name: str. The path as given.
        frame_rate: float.
        num_skipped: int, 0: a file waits.
        health: `None`, or `Health`; known when the file has been read to its
            end.

    Raises:
        VideoError: if it cannot be read, or tells no time.
    """

    num_skipped = 0

    def __init__(self, path, frame_rate: float | None = None):
        self.name = str(name_of(path))
        self.health = None
        self._path = path if hasattr(path, "read") else pathlib.Path(path)
        self._by_stamps = not frame_rate
        self.frame_rate = frame_rate or self._stated_rate()
        if not self.frame_rate:
            raise VideoError(
                path,
                "it does not tell its frame rate. Expected `frame_rate` "
                "(--frame-rate), frames a second.",
            )

    def frames(self, hold):
        """Yields `(index, seconds, frame)`: each frame with its number from 0,
        its time from the first frame, and a uint8 array `(height, width, 3)`,
        R G B.

        Args:
            hold: int. See `CameraStream.frames`.

        Raises:
            VideoError: if the file cannot be read.
        """
        frames = self._decoded()
        if self._by_stamps:
            frames = _at_rate(frames, self.frame_rate)
        else:
            frames = (frame for _, frame in frames)
        for index, frame in enumerate(frames):
            yield index, index / self.frame_rate, frame

    def _decoded(self):
        with opening.opened(self._path) as (container, stream):
            decoder = Decoder(self._path, container, stream)
            found = True
            while found:
                yield decoder.seconds(), decoder.retrieve()
                found = decoder.advance()
            self.health, _ = examination.summary(container, stream, decoder)

    def _stated_rate(self):
        with opening.opened(self._path) as (container, stream):
            Decoder(self._path, container, stream)
            if not time_stamps.Clock(container, stream).keeps_time:
                return None
            return time_stamps.stated_rate(stream)


def _at_rate(frames, rate):
    """Of `(seconds, frame)` the frames nearest to 0, 1, 2, ... periods."""
    before = None
    period = 0
    for seconds, frame in frames:
        while before is not None and period / rate < (before[0] + seconds) / 2:
            yield before[1]
            period += 1
        before = seconds, frame
    if before is not None:
        # The last one is shown for a period.
        while period == 0 or period / rate < before[0] + 0.5 / rate:
            yield before[1]
            period += 1
