"""Access to object stores by tensorflow-io, for environments with TensorFlow
2.16 that have it, but no library of fsspec for the scheme."""

import concurrent.futures
import contextlib
import functools
import os
import warnings

import fsspec

# The number of requests at the same time.
_MAX_REQUESTS = 32


def schemes():
    """The schemes that TensorFlow can read."""
    return _files().get_registered_schemes()


@functools.cache
def _files():
    """Returns `tf.io.gfile` after loading tensorflow-io's file systems."""
    import tensorflow as tf

    # A download in several parts would request the length of the file before
    # each read, and reads are not longer than a part anyway.
    os.environ.setdefault("S3_DISABLE_MULTI_PART_DOWNLOAD", "1")
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        # It warns if its libraries cannot be loaded. Then the scheme is
        # unknown, which is an error later.
        warnings.simplefilter("ignore")
        import tensorflow_io  # noqa: F401
    return tf.io.gfile


@functools.cache
def store(scheme):
    """Returns the file system, with fsspec's interface, for a scheme."""
    return _TensorFlowStore(scheme)


class _TensorFlowStore(fsspec.AbstractFileSystem):
    """A file system that implements the needed part of fsspec's interface by
    `tf.io.gfile`."""

    cachable = False
    # Tells `stores` that TensorFlow repeats failed requests itself.
    retries = 1

    def __init__(self, scheme):
        super().__init__()
        self.protocol = scheme
        self._gfile = _files()
        self._requests = concurrent.futures.ThreadPoolExecutor(
            _MAX_REQUESTS, "vidrec-read"
        )

    @classmethod
    def _strip_protocol(cls, path):
        return path

    def info(self, path, **_):
        with self._as_errors_of_files():
            if self._gfile.isdir(path):
                return {"name": path, "type": "directory", "size": 0}
            size = self._gfile.stat(path).length
            return {"name": path, "type": "file", "size": size}

    def ls(self, path, detail=True, **_):
        with self._as_errors_of_files():
            # Names of folders in object stores end in "/".
            return [
                f"{path}/{name.rstrip('/')}"
                for name in self._gfile.listdir(path)
            ]

    def cat_file(self, path, start=None, end=None, **_):
        with (
            self._as_errors_of_files(),
            self._gfile.GFile(path, "rb") as file,
        ):
            if end is not None:
                file.seek(start)
                return file.read(end - start)
            # `read()` would request the length of the file first, and errors of
            # that request do not say what is wrong.
            return b"".join(iter(lambda: file.read(2**20), b""))

    def cat_ranges(self, paths, starts, ends, on_error="return", **_):
        def read(*place):
            try:
                return self.cat_file(*place)
            except OSError as error:
                return error

        return list(self._requests.map(read, paths, starts, ends))

    @contextlib.contextmanager
    def _as_errors_of_files(self):
        """Converts errors of TensorFlow to `OSError`s."""
        import tensorflow as tf

        kinds = {
            tf.errors.NOT_FOUND: FileNotFoundError,
            tf.errors.PERMISSION_DENIED: PermissionError,
            tf.errors.UNAUTHENTICATED: PermissionError,
        }
        try:
            yield
        except tf.errors.OpError as error:
            kind = kinds.get(error.error_code, OSError)
            raise kind(" ".join(error.message.split())) from None
