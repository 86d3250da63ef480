"""A file object for a remote file, which reads it in ranges of bytes."""

import collections
import errno
import io

# The size of the first range after a jump, in bytes. It doubles with each range
# that follows the one before, up to the largest.
_SMALLEST = 2**18
_LARGEST = 2**22
# The number of ranges in memory, because decoders jump back and forth.
_KEPT = 4


class RemoteFile(io.RawIOBase):
    """A read-only file object for a file in an object store.

    A decoder reads a few kilobytes at a time, and each would take a request. So
    larger ranges are read, and the last ones are kept in memory, at most 16
    MiB.

    Args:
        path: `storage.RemotePath`.

    Attributes:
        name: str. The address without its secrets.

    Raises:
        OSError: if there is no such file; also when it is read.
    """

    def __init__(self, path):
        self.name = str(path)
        self._path = path
        self._size = path.stat().st_size
        self._position = 0
        # Pairs: the position of the first byte, and the bytes.
        self._ranges = collections.deque(maxlen=_KEPT)
        self._next, self._length = None, _SMALLEST

    def readable(self):
        """Returns `True`."""
        return True

    def seekable(self):
        """Returns `True`."""
        return True

    def tell(self):
        """Returns the position in bytes."""
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        """Sets the position, as `io.IOBase.seek`, and returns it."""
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._size,
        }[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer):
        """Reads into a buffer, at most to the end of one range.

        Returns:
            The number of bytes read; 0 at the end of the file.
        """
        if self._position >= self._size or not len(buffer):
            return 0
        first, content = self._find()
        start = self._position - first
        part = content[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _find(self):
        """Returns the range that contains the position: the position of its
        first byte, and its bytes. Requests it if it is not in memory."""
        for first, content in self._ranges:
            if first <= self._position < first + len(content):
                return first, content
        follows = self._position == self._next
        self._length = min(2 * self._length, _LARGEST) if follows else _SMALLEST
        length = min(self._length, self._size - self._position)
        (content,) = self._path.read_parts([(self._position, length)])
        if not content:
            raise OSError(
                errno.EIO, f"it ends before its {self._size} bytes", self.name
            )
        self._next = self._position + len(content)
        self._ranges.append((self._position, memoryview(content)))
        return self._ranges[-1]
