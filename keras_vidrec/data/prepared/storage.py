"""Where prepared datasets lie: on a disk, or in an object store."""

import concurrent.futures
import contextlib
import errno
import fnmatch
import functools
import os
import pathlib
import re
import warnings

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
# TensorFlow fetches half a megabyte at a time: what lies nearer comes along.
_BLOCK = 2**19
# Requests at a time. A network answers late, but many at once.
_MAX_REQUESTS = 32


def is_url(path):
    """Whether a path is a text with a scheme, such as `gs://bucket/dataset`."""
    return isinstance(path, str) and _URL.match(path) is not None


def as_path(path):
    """The path of a file or directory, wherever it lies: a `RemotePath` of a
    text with a scheme, which names a place that TensorFlow reads: `gs://` does
    so by itself, `s3://` and others where `tensorflow-io` is installed.

    Raises:
        ValueError: if nothing here reads the scheme.
    """
    if isinstance(path, RemotePath):
        return path
    return RemotePath(path) if is_url(path) else pathlib.Path(path)


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


class RemotePath:
    """What readers of datasets need of `pathlib.Path`, of a file or directory
    that TensorFlow reads.

    Errors of TensorFlow become those of files. Safe to use from several
    threads, and to pickle.

    Args:
        url: str, such as `"s3://bucket/dataset"`.

    Raises:
        ValueError: if nothing here reads the scheme.
    """

    def __init__(self, url):
        self._url = url.rstrip("/")
        _file_system(_scheme(url))

    def __str__(self):
        return self._url

    def __repr__(self):
        return f"RemotePath({self._url!r})"

    def __eq__(self, other):
        return isinstance(other, RemotePath) and self._url == other._url

    def __hash__(self):
        return hash(self._url)

    def __lt__(self, other):
        return self._url < other._url

    def __truediv__(self, name):
        return RemotePath(f"{self._url}/{name}")

    def with_suffix(self, suffix):
        """The path with another suffix of its last part."""
        parent, _, name = self._url.rpartition("/")
        return RemotePath(
            f"{parent}/{pathlib.PurePosixPath(name).stem}{suffix}"
        )

    def is_file(self):
        """Whether it is there and no directory."""
        with self._errors() as gfile:
            return gfile.exists(self._url) and not gfile.isdir(self._url)

    def is_dir(self):
        """Whether it is a directory, or anything lies below it."""
        with self._errors() as gfile:
            return gfile.isdir(self._url)

    def glob(self, pattern):
        """Paths of what lies directly in a directory; `pattern` is of names."""
        try:
            with self._errors() as gfile:
                # Object stores call what has parts below it `name/`.
                names = [name.rstrip("/") for name in gfile.listdir(self._url)]
        except FileNotFoundError:
            return []
        return [self / name for name in fnmatch.filter(names, pattern)]

    def read_bytes(self):
        """All of a file."""
        with self._open() as file:
            # Without asking for its length: that takes further requests, and
            # their errors do not say what is wrong.
            return b"".join(iter(functools.partial(file.read, 2 * _BLOCK), b""))

    def read_text(self, encoding):
        """All of a file as text."""
        return self.read_bytes().decode(encoding)

    def read_parts(self, places):
        """Some parts of a file; see `storage.read_parts`."""
        runs = _near_each_other(places)
        if len(runs) == 1:
            parts = [self._read_run(runs[0])]
        else:
            parts = _requests().map(self._read_run, runs)
        found = {place: part for run in parts for place, part in run.items()}
        return [found[place] for place in places]

    def _read_run(self, run):
        with self._open() as file:
            found = {}
            for first, size in run:
                file.seek(first)
                found[first, size] = file.read(size)
            return found

    @contextlib.contextmanager
    def _open(self):
        with self._errors() as gfile, gfile.GFile(self._url, "rb") as file:
            yield file

    @contextlib.contextmanager
    def _errors(self):
        """Yields `tf.io.gfile`, whose errors become those of files."""
        import tensorflow as tf

        numbers = {
            tf.errors.NOT_FOUND: errno.ENOENT,
            tf.errors.PERMISSION_DENIED: errno.EACCES,
            tf.errors.UNAUTHENTICATED: errno.EACCES,
        }
        try:
            yield _file_system(_scheme(self._url))
        except tf.errors.OpError as error:
            reason = " ".join(error.message.split())
            number = numbers.get(error.error_code, errno.EIO)
            raise OSError(number, reason, self._url) from error


def _scheme(url):
    return url.partition("://")[0]


def _near_each_other(places):
    """Lists of places, in their order in the file: of those that lie in one
    block, or follow on each other."""
    runs = []
    for first, size in sorted({*places}):
        if runs:
            begin, (last, length) = runs[-1][0][0], runs[-1][-1]
            near = first + size <= begin + _BLOCK or first == last + length
        if not runs or not near:
            runs.append([])
        runs[-1].append((first, size))
    return runs


@functools.cache
def _requests():
    return concurrent.futures.ThreadPoolExecutor(_MAX_REQUESTS, "vidrec-read")


@functools.cache
def _file_system(scheme):
    """`tf.io.gfile`, once it reads the scheme."""
    import tensorflow as tf

    gfile = tf.io.gfile
    if scheme not in gfile.get_registered_schemes():
        _load_tensorflow_io()
    if scheme not in gfile.get_registered_schemes():
        raise ValueError(
            f"TensorFlow {tf.__version__} does not read {scheme}:// here. "
            "Expected a scheme of "
            f"{sorted(filter(None, gfile.get_registered_schemes()))}; s3://, "
            "az:// and others need tensorflow-io, whose libraries load with "
            'TensorFlow 2.16 only: pip install "keras-vidrec[io]" in an '
            f"environment of its own. Received: {scheme}://"
        )
    return gfile


def _load_tensorflow_io():
    # A download in parts asks for the length before each read, and what is
    # read here is no longer than a part.
    os.environ.setdefault("S3_DISABLE_MULTI_PART_DOWNLOAD", "1")
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        # Where its libraries do not load, it warns: we tell.
        warnings.simplefilter("ignore")
        import tensorflow_io  # noqa: F401
