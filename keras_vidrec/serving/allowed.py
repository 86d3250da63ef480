"""Files of the server that a client may name."""

import os
import pathlib

from keras_vidrec.serving.refusals import Refused


class Allowed:
    """What lies below some directories.

    Args:
        directories: iterable of paths. None: no path is allowed.

    Raises:
        ValueError: if one is no directory.
    """

    def __init__(self, directories=()):
        self._roots = []
        for directory in directories:
            root = pathlib.Path(directory)
            if not root.is_dir():
                raise ValueError(
                    "Expected directories whose videos clients may name. "
                    f"Received: allow={str(directory)!r}, which is none"
                )
            self._roots.append(root.resolve())

    def find(self, text: str) -> pathlib.Path:
        """The file that a client means; one below no allowed directory, by
        `..` or by a link say, is refused whether it exists or not.

        Args:
            text: str. A path; a relative one is sought below each directory.

        Raises:
            Refused: if it may not be had, or there is none.
        """
        if "://" in text:
            raise Refused(
                403, "Addresses are not fetched. Send the video itself."
            )
        if not self._roots:
            raise Refused(
                403,
                "This server takes no paths (--allow). Send the video itself.",
            )
        found = []
        for root in self._roots:
            try:
                # All links followed: where the file truly lies.
                path = pathlib.Path(os.path.realpath(root / text))
                if any(path.is_relative_to(each) for each in self._roots):
                    found.append((path, path.is_file()))
            except (OSError, ValueError):  # too long, or no path at all
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
