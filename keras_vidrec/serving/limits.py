"""What a server takes on, and what it refuses."""

import dataclasses
import os

from keras_vidrec.specs import checks
from keras_vidrec.videos import opening
from keras_vidrec.videos.errors import VideoError

_WHOLE = ("max_bytes", "max_pixels", "queue", "batch", "decoders", "streams")


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is too much for a server.

    Args:
        max_bytes: int. Of a video. Defaults to 512 MiB.
        max_seconds: float. That a video may last. Defaults to `600.0`.
        max_pixels: int. Of a frame. Defaults to `4096 * 2304`.
        decode_seconds: float. To read what the network is shown of a video;
            of windows, from frame to frame. Defaults to `60.0`.
        patience: float. Seconds to wait for a client that sends, or reads,
            nothing. Defaults to `30.0`.
        queue: int. Videos that are answered or wait for it; to further ones
            the server says 429. Defaults to `32`.
        batch: int. Videos that the network sees at a time. Defaults to `8`.
        decoders: int. Processes that read videos. Defaults to `2`.
        streams: int. Requests of windows at a time. Defaults to `2`.

    Raises:
        ValueError: if one is not above zero.
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
        """Raises a `VideoError` if a file has too many bytes."""
        if size > self.max_bytes:
            raise VideoError(
                name,
                f"it has {size} bytes. Expected {self.max_bytes} at most. "
                "Scale it down, or send a part.",
            )

    def check_header(self, path: str | os.PathLike[str]) -> None:
        """Raises a `VideoError` if a file says that it lasts too long, or is
        no video. Nothing is decoded."""
        with opening.opened(path) as (container, stream):
            stated = (container.duration or 0) / 1e6
            if stream.duration and stream.time_base:
                own = float(stream.duration * stream.time_base)
                stated = max(stated, own)
        self.check_seconds(path, stated)

    def check_seconds(
        self, path: str | os.PathLike[str], seconds: float
    ) -> None:
        """Raises a `VideoError` if a video lasts too long."""
        if seconds > self.max_seconds:
            raise VideoError(
                path,
                f"it lasts {seconds:.0f} s. Expected {self.max_seconds:g} s at "
                "most. Send a part.",
            )
