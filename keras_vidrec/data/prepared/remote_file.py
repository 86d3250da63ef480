"""A remote file as decoders read one: with a position, in ranges."""

import collections
import errno
import io

# Bytes that a jump brings; what is read on without one brings twice as much
# each time, up to the largest.
_SMALLEST = 2**18
_LARGEST = 2**22
# Ranges that are kept: a container may lead to and fro.
_KEPT = 4


class RemoteFile(io.RawIOBase):
    """A read-only file object for a file in an object store.

    A decoder reads a few kilobytes at a time, which would take a request each:
    larger blocks are read and kept, `4 * 4` MiB at most.

    Args:
        path: `storage.RemotePath`.

    Attributes:
        name: str. The address as it may be shown.

    Raises:
        OSError: if there is no such file, here and when it is read.
    """

    def __init__(self, path):
        self.name = str(path)
        self._path = path
        self._size = path.stat().st_size
        self._position = 0
        # First byte and bytes, the latest last.
        self._ranges = collections.deque(maxlen=_KEPT)
        self._next, self._length = None, _SMALLEST

    def readable(self):
        """True."""
        return True

    def seekable(self):
        """True."""
        return True

    def tell(self):
        """The position."""
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        """Goes to a position, and says which."""
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._size,
        }[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer):
        """Fills a buffer as far as one range reaches; 0 at the end."""
        if self._position >= self._size or not len(buffer):
            return 0
        first, content = self._find()
        start = self._position - first
        part = content[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _find(self):
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
