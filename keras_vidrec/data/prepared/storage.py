"""Where datasets and videos lie: on a disk, or in an object store."""

import bisect
import contextlib
import errno
import fnmatch
import os
import pathlib
import re
import types
import urllib.parse
import zlib

from keras_vidrec.data.prepared import stores
from keras_vidrec.data.prepared.remote_file import RemoteFile

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
# A request takes as long as these bytes: what lies between two parts is read
# with them, if it is less.
_GAP = 2**16
# Longest range of parts that are read together, in bytes: what breaks is read
# again.
_LONGEST = 2**23


def is_url(path):
    """Whether a path is a text with a scheme, such as `s3://bucket/dataset`."""
    return isinstance(path, str) and _URL.match(path) is not None


def is_remote(path):
    """Whether a path is a URL, or a `RemotePath`."""
    return is_url(path) or isinstance(path, RemotePath)


def as_path(path):
    """The path of a file or directory, wherever it lies: a `RemotePath` of a
    text with a scheme, which names a place that fsspec reads: `s3://`, `gs://`,
    `https://` and others, where their libraries are installed.

    Raises:
        ValueError: if nothing here reads the scheme.
    """
    if isinstance(path, RemotePath):
        return path
    return RemotePath(path) if is_url(path) else pathlib.Path(path)


def shown(path):
    """What a path is called: an address without its secrets."""
    return stores.shown(path) if is_url(path) else str(path)


def below(root, name):
    """The path of a name in a list: below the directory of the dataset, if it
    is no address itself."""
    return as_path(name) if is_url(name) else as_path(root) / name


@contextlib.contextmanager
def opened(path):
    """What `videos` reads of a video, wherever it lies.

    Yields:
        The path of a file of this machine as it was given, or an open
        `RemoteFile`.

    Raises:
        OSError: if there is no such remote file.
    """
    if not isinstance(path, RemotePath):
        yield path
        return
    with path.open() as file:
        yield file


def read_parts(path, places):
    """Some parts of a file, the first byte and the number of bytes of each
    given by `places`; they are shorter where the file ends.

    Raises:
        OSError: if the file cannot be read, or a remote one ends before a
            part begins.
    """
    if isinstance(path, RemotePath):
        return path.read_parts(places)
    # Opened for each call: datasets have more files than a process may hold
    # open, and other processes and threads need no care.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return [os.pread(descriptor, size, first) for first, size in places]
    finally:
        os.close(descriptor)


def read_files(paths):
    """All of several files of one place; remote ones are read at once.

    Raises:
        OSError: if one cannot be read; a `FileNotFoundError` names it.
    """
    if not paths or not isinstance(paths[0], RemotePath):
        return [path.read_bytes() for path in paths]
    urls = [path.url for path in paths]
    return stores.read_ranges(urls, [(None, None)] * len(urls))


class RemotePath:
    """What readers of datasets need of `pathlib.Path`, of a file or directory
    in an object store or on a server.

    Whatever goes wrong is an `OSError` that names the address without its
    secrets. Safe to use from several threads, and to pickle.

    Args:
        url: str, such as `"s3://bucket/dataset"`.

    Attributes:
        url: str. The address with all that it needs to be read.

    Raises:
        ValueError: if nothing here reads the scheme.
    """

    def __init__(self, url):
        self.url = url.rstrip("/")
        stores.check(url)

    def __str__(self):
        return stores.shown(self.url)

    def __fspath__(self):
        # Only for error messages, not for opening.
        return str(self)

    def __repr__(self):
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other):
        return isinstance(other, RemotePath) and self.url == other.url

    def __hash__(self):
        return hash(self.url)

    def __lt__(self, other):
        return self.url < other.url

    def __truediv__(self, name):
        return RemotePath(stores.join(self.url, name))

    @property
    def name(self):
        """str. The last part."""
        name = str(self).rpartition("/")[2]
        return urllib.parse.unquote(name) if stores.is_web(self.url) else name

    @property
    def stem(self):
        """str. The last part without its suffix."""
        return pathlib.PurePosixPath(self.name).stem

    @property
    def suffix(self):
        """str. The suffix of the last part."""
        return pathlib.PurePosixPath(self.name).suffix

    @property
    def parent(self):
        """`RemotePath` of what it is in."""
        place, mark, query = self.url, "", ""
        if stores.is_web(self.url):
            place, mark, query = self.url.partition("?")
        return RemotePath(place.rpartition("/")[0] + mark + query)

    def with_suffix(self, suffix):
        """The path with another suffix of its last part."""
        return self.parent / (self.stem + suffix)

    def is_file(self):
        """Whether it is there and no directory."""
        try:
            return stores.ask(self.url, "info")["type"] == "file"
        except FileNotFoundError:
            return False

    def is_dir(self):
        """Whether it is a directory, or anything is below it."""
        return stores.ask(self.url, "isdir")

    def exists(self):
        """Whether there is a file or a directory."""
        return self.is_file() or self.is_dir()

    def stat(self):
        """`st_size`, and `st_mtime_ns`, a number that changes with the
        file."""
        info = stores.ask(self.url, "info")
        if info.get("size") is None:
            raise OSError(
                errno.EIO, "the server does not report its size", str(self)
            )
        keys = ("ETag", "etag", "md5Hash", "mtime", "Last-Modified", "created")
        tags = [str(info[key]) for key in keys if info.get(key)]
        return types.SimpleNamespace(
            st_size=info["size"],
            st_mtime_ns=zlib.crc32(" ".join(tags).encode()),
        )

    def glob(self, pattern):
        """Paths of what lies directly in a directory; `pattern` is of names."""
        try:
            found = stores.ask(self.url, "ls", detail=False)
        except FileNotFoundError:
            return []
        names = [name.rstrip("/").rpartition("/")[2] for name in found]
        if stores.is_web(self.url):
            names = [urllib.parse.unquote(name) for name in names]
        return [self / name for name in fnmatch.filter(names, pattern)]

    def open(self, _mode="rb"):
        """`RemoteFile`: the bytes of the file, to be read here and there."""
        return RemoteFile(self)

    def read_bytes(self):
        """All of a file."""
        (content,) = read_files([self])
        return content

    def read_text(self, encoding):
        """All of a file as text."""
        return self.read_bytes().decode(encoding)

    def read_parts(self, places):
        """Some parts of a file; see `storage.read_parts`."""
        ranges = _near_each_other(place for place in places if place[1])
        contents = stores.read_ranges([self.url] * len(ranges), ranges)
        begins = [first for first, _ in ranges]
        parts = []
        for first, size in places:
            number = bisect.bisect_right(begins, first) - 1
            start = first - begins[number] if size else 0
            content = contents[number] if size else b""
            parts.append(content[start : start + size])
        return parts


def _near_each_other(places):
    """Ranges `(first, end)` in their order, in which places lie together."""
    ranges = []
    for first, size in sorted({*places}):
        end = first + size
        if ranges:
            begin, last = ranges[-1]
            if end <= last or (
                first <= last + _GAP and end - begin <= _LONGEST
            ):
                ranges[-1] = (begin, max(last, end))
                continue
        ranges.append((first, end))
    return ranges
