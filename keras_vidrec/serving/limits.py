"""The limits of a server."""

import dataclasses
import os

from keras_vidrec.specs import checks
from keras_vidrec.videos import opening
from keras_vidrec.videos.errors import VideoError

_WHOLE = ("max_bytes", "max_pixels", "queue", "batch", "decoders", "streams")


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Args:
        max_bytes: int. Largest size of a video. Defaults to 512 MiB.
        max_seconds: float. Largest duration of a video. Defaults to `600.0`.
        max_pixels: int. Largest number of pixels of a frame. Defaults to
            `4096 * 2304`.
        decode_seconds: float. Largest time to read the clips of a video, or,
            for `/windows`, the next frame. Defaults to `60.0`.
        patience: float. Seconds to wait for a client that sends or reads
            nothing. Defaults to `30.0`.
        queue: int. Largest number of videos that are processed or wait.
            Further requests get status 429. Defaults to `32`.
        batch: int. Largest number of videos in a batch of the network.
            Defaults to `8`.
        decoders: int. Number of processes that read videos. Defaults to `2`.
        streams: int. Largest number of `/windows` requests at a time. Defaults
            to `2`.

    Raises:
        ValueError: if a limit is not positive.
    """

    max_bytes: int = 2**29
    max_seconds: float = 600.0
    max_pixels: int = 4096 * 2304
    decode_seconds: float = 60.0
    patience: float = 30.0
    queue: int = 32
    batch: int = 8
    decoders: int = 2
    streams: int = 2

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            check = checks.count if field.name in _WHOLE else checks.positive
            check(field.name, value)

    def check_size(self, name: str, size: int) -> None:
        """Raises a `VideoError` if a file is too large.

        Args:
            name: str. Name of the video in the error.
            size: int. Bytes.
        """
        if size > self.max_bytes:
            raise VideoError(
                name,
                f"it has {size} bytes. Expected {self.max_bytes} at most. "
                "Scale it down, or send a part.",
            )

    def check_header(self, path: str | os.PathLike[str]) -> None:
        """Raises a `VideoError` if a file is not a video, or its header states
        a duration that is too long. Nothing is decoded."""
        with opening.opened(path) as (container, stream):
            stated = (container.duration or 0) / 1e6
            if stream.duration and stream.time_base:
                own = float(stream.duration * stream.time_base)
                stated = max(stated, own)
        self.check_seconds(path, stated)

    def check_seconds(
        self, path: str | os.PathLike[str], seconds: float
    ) -> None:
        """Raises a `VideoError` if `seconds` of a video are too long."""
        if seconds > self.max_seconds:
            raise VideoError(
                path,
                f"it lasts {seconds:.0f} s. Expected {self.max_seconds:g} s at "
                "most. Send a part.",
            )
