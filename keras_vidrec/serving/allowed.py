"""The files of the server that clients may name."""

import os
import pathlib

from keras_vidrec.serving.refusals import Refused


class Allowed:
    """The files below some directories.

    Args:
        directories: iterable of paths. Without any, no file is allowed.
            Defaults to none.

    Raises:
        ValueError: if a path is not a directory.
    """

    def __init__(self, directories=()):
        self._roots = []
        for directory in directories:
            root = pathlib.Path(directory)
            if not root.is_dir():
                raise ValueError(
                    "Expected directories whose videos clients may name. "
                    f"Received: allow={str(directory)!r}, which is not a "
                    "directory"
                )
            self._roots.append(root.resolve())

    def find(self, text: str) -> pathlib.Path:
        """Returns the path of the file that a client named.

        Args:
            text: str. A path. A relative path is searched below each directory.

        Returns:
            `pathlib.Path`, with links resolved.

        Raises:
            Refused: if the path, with links and `..` resolved, is not below an
                allowed directory (403, whether it exists or not), or there is
                no such file (404).
        """
        if "://" in text:
            raise Refused(
                403,
                "The server does not download videos. Send the video itself.",
            )
        if not self._roots:
            raise Refused(
                403,
                "This server does not accept paths (--allow). Send the video "
                "itself.",
            )
        found = []
        for root in self._roots:
            try:
                # With all links resolved.
                path = pathlib.Path(os.path.realpath(root / text))
                if any(path.is_relative_to(each) for each in self._roots):
                    found.append((path, path.is_file()))
            except (OSError, ValueError):  # too long, or not a valid path
                continue
        for path, is_file in found:
            if is_file:
                return path
        name = repr(text if len(text) <= 200 else f"{text[:200]}...")
        if found:
            raise Refused(404, f"There is no file {name}.")
        raise Refused(
            403, f"The path {name} is not below an allowed directory."
        )
