"""What goes wrong with videos."""

import os
import typing


class VideoError(ValueError):
    """A video file that cannot be read, or not as requested.

    Args:
        path: str, path-like, or an open file. The video.
        problem: str. What is wrong, and what to do.
    """

    def __init__(self, path: typing.Any, problem: str) -> None:
        # Both are kept as arguments, which pickling needs; an open file cannot
        # be pickled, its name can.
        super().__init__(name_of(path), problem)

    def __str__(self):
        path, problem = self.args
        return f"Cannot read the video {os.fspath(path)!r}: {problem}"


def name_of(path):
    """What a path or an open file is called; a path is returned as it is."""
    if isinstance(path, str | bytes | os.PathLike):
        return path
    return str(getattr(path, "name", "<file>"))
