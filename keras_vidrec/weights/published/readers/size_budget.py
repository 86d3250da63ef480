"""A limit to what a file of unknown origin may unfold into."""

import os

# Weights hardly compress. Statistics of training and zeros do, so files may
# grow, but not without end: deflate can promise a thousandfold.
_GROWTH = 20
_FREE = 64 * 2**20
# What the smallest array takes up.
ENTRY = 128


class SizeBudget:
    """Bytes that may still be taken up in memory for a file.

    Args:
        path: path of the file; its size decides.
    """

    def __init__(self, path):
        self._path = path
        self._limit = self._left = limit(os.path.getsize(path))

    def spend(self, size):
        """Takes bytes from what is left, before they are allocated.

        Args:
            size: int. Number of bytes.

        Raises:
            ValueError: if that is more than is left.
        """
        self._left -= size
        if self._left < 0:
            raise ValueError(
                f"Expected at most {self._limit} bytes of content in a file "
                f"of the size of {self._path}. Received: {-self._left} more, "
                "as a damaged or hostile file announces"
            )


def limit(size):
    """What a file of so many bytes may unfold into, in bytes."""
    return _FREE + _GROWTH * size
