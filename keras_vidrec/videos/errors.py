"""The error of videos that cannot be read."""

import os
import typing


class VideoError(ValueError):
    """A video file that cannot be read, or not as requested.

    Args:
        path: str, path-like, or an open file. The video.
        problem: str. What is wrong, and what to do.
    """

    def __init__(self, path: typing.Any, problem: str) -> None:
        # Pickling needs both as arguments, and the name of an open file, which
        # cannot be pickled itself.
        super().__init__(name_of(path), problem)

    def __str__(self):
        path, problem = self.args
        return f"Cannot read the video {os.fspath(path)!r}: {problem}"


def name_of(path: typing.Any) -> str | bytes | os.PathLike:
    """Returns the name of an open file; a path is returned unchanged."""
    if isinstance(path, str | bytes | os.PathLike):
        return path
    return str(getattr(path, "name", "<file>"))
