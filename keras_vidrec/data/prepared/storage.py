"""Paths of datasets and videos on a disk, in an object store or on a server."""

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
# Parts of a file with at most this number of bytes between them are read in one
# range, because a further request would take longer.
_GAP = 2**16
# The longest range in bytes: if a request fails, all of it is read again.
_LONGEST = 2**23


def is_url(path) -> bool:
    """Whether a path is a str with a scheme, such as `s3://bucket/dataset`."""
    return isinstance(path, str) and _URL.match(path) is not None


def is_remote(path) -> bool:
    """Whether a path is a URL or a `RemotePath`."""
    return is_url(path) or isinstance(path, RemotePath)


def as_path(path):
    """Converts a path or URL to a path object: a `RemotePath` for a str with a
    scheme that fsspec can read (`s3://`, `gs://`, `https://` and others, if
    their libraries are installed), else a `pathlib.Path`.

    Raises:
        ValueError: if no installed library reads the scheme.
    """
    if isinstance(path, RemotePath):
        return path
    return RemotePath(path) if is_url(path) else pathlib.Path(path)


def shown(path) -> str:
    """The text of a path for messages: a URL without its secrets."""
    return stores.shown(path) if is_url(path) else str(path)


def below(root, name):
    """The path of a name in a list: below the directory `root`, unless the name
    is a URL."""
    return as_path(name) if is_url(name) else as_path(root) / name


@contextlib.contextmanager
def opened(path):
    """Opens a video for the functions of `videos`, which take local paths and
    file objects.

    Yields:
        A local path unchanged, or an open `RemoteFile` for a `RemotePath`.

    Raises:
        OSError: if there is no such remote file.
    """
    if not isinstance(path, RemotePath):
        yield path
        return
    with path.open() as file:
        yield file


def read_parts(path, places):
    """Reads parts of a file.

    Args:
        path: `pathlib.Path` or `RemotePath`.
        places: sequence of `(first byte, number of bytes)`.

    Returns:
        List of bytes; a part is shorter if the file ends in it.

    Raises:
        OSError: if the file cannot be read, or a remote one ends before a
            part begins.
    """
    if isinstance(path, RemotePath):
        return path.read_parts(places)
    # Opened for each call, because a dataset may have more files than a process
    # may open. It is also safe with several threads and processes.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return [os.pread(descriptor, size, first) for first, size in places]
    finally:
        os.close(descriptor)


def read_files(paths):
    """Reads several complete files, all local or all in one object store, which
    are requested at the same time.

    Args:
        paths: sequence of `pathlib.Path` or `RemotePath`.

    Returns:
        List of bytes.

    Raises:
        OSError: if a file cannot be read. A `FileNotFoundError` names the file.
    """
    if not paths or not isinstance(paths[0], RemotePath):
        return [path.read_bytes() for path in paths]
    urls = [path.url for path in paths]
    return stores.read_ranges(urls, [(None, None)] * len(urls))


class RemotePath:
    """The path of a file or directory in an object store or on a server, with
    those methods of `pathlib.Path` that readers of datasets need.

    All errors in reading are `OSError`s with the address without its secrets.
    It can be used from several threads, and pickled.

    Args:
        url: str, such as `"s3://bucket/dataset"`.

    Attributes:
        url: str. The complete address, with its secrets.

    Raises:
        ValueError: if no installed library reads the scheme.
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
        """str. The last part of the path."""
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
        """`RemotePath` of the parent directory."""
        place, mark, query = self.url, "", ""
        if stores.is_web(self.url):
            place, mark, query = self.url.partition("?")
        return RemotePath(place.rpartition("/")[0] + mark + query)

    def with_suffix(self, suffix):
        """Returns the path with another suffix of the last part."""
        return self.parent / (self.stem + suffix)

    def is_file(self):
        """Whether it exists and is not a directory."""
        try:
            return stores.ask(self.url, "info")["type"] == "file"
        except FileNotFoundError:
            return False

    def is_dir(self):
        """Whether it is a directory, or there is anything below it."""
        return stores.ask(self.url, "isdir")

    def exists(self):
        """Whether it is a file or a directory."""
        return self.is_file() or self.is_dir()

    def stat(self):
        """Returns an object with `st_size` in bytes, and `st_mtime_ns`, a
        number that changes when the file changes, but is not a time."""
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
        """Returns the paths directly in a directory whose names match a
        pattern; an empty list if there is no such directory."""
        try:
            found = stores.ask(self.url, "ls", detail=False)
        except FileNotFoundError:
            return []
        names = [name.rstrip("/").rpartition("/")[2] for name in found]
        if stores.is_web(self.url):
            names = [urllib.parse.unquote(name) for name in names]
        return [self / name for name in fnmatch.filter(names, pattern)]

    def open(self, _mode="rb"):
        """Returns a `RemoteFile` for reading bytes at any position."""
        return RemoteFile(self)

    def read_bytes(self):
        """Reads the complete file."""
        (content,) = read_files([self])
        return content

    def read_text(self, encoding):
        """Reads the complete file as text."""
        return self.read_bytes().decode(encoding)

    def read_parts(self, places):
        """Reads parts of the file; see `storage.read_parts`."""
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
    """Joins parts `(first byte, number of bytes)` that are near each other to
    a sorted list of ranges `(first, end)`."""
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
