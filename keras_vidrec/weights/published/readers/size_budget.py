"""A limit to the memory for a file of unknown origin."""

import os

# Weights cannot be compressed much, but statistics of training and zeros can:
# content may be larger than its file, but not 1,000 times as deflate allows.
_GROWTH = 20
_FREE = 64 * 2**20
# Bytes of the smallest array.
ENTRY = 128


class SizeBudget:
    """The number of bytes that may still be allocated for a file.

    Args:
        path: path of the file, whose size determines the limit.
    """

    def __init__(self, path):
        self._path = path
        self._limit = self._left = limit(os.path.getsize(path))

    def spend(self, size):
        """Subtracts `size` bytes, before they are allocated.

        Raises:
            ValueError: if fewer bytes are left.
        """
        self._left -= size
        if self._left < 0:
            raise ValueError(
                f"Expected at most {self._limit} bytes of content in a file "
                f"of the size of {self._path}. Received: {-self._left} more, "
                "as a damaged or hostile file announces"
            )


def limit(size: int) -> int:
    """Returns how many bytes of memory a file of `size` bytes may need."""
    return _FREE + _GROWTH * size
