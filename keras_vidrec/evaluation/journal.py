"""Records finished results of work on many videos in an append-only file."""

import contextlib
import json
import pathlib
import zlib

from keras_vidrec.specs import documents
from keras_vidrec.specs import locks


class Journal:
    """A file with the results of unfinished work, from which interrupted work
    is resumed.

    The first line contains the settings, each further line the result of a
    video; each line starts with its CRC-32. A journal with other settings, or a
    damaged one, is discarded, and the work starts from the beginning.

    Args:
        path: path of the file, created if missing.
        settings: dict of JSON values that determine the results, including the
            fingerprint of the network.
        where: `None` (`path`), or path that errors name. Defaults to `None`.
        command: str. Name of the command that does the work, for errors.
            Defaults to `"evaluate"`.

    Attributes:
        rows: dict from the names of finished videos to their results, dicts of
            JSON values, see `parsed`.

    Raises:
        InUse: a `ValueError`, if another process does this work.
    """

    def __init__(self, path, settings, where=None, command="evaluate"):
        self._path = pathlib.Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = {}
        # As JSON returns them: lists instead of tuples.
        settings = documents.as_json(settings)
        with contextlib.ExitStack() as stack:
            lock = self._path.with_name(f"{self._path.name}.lock")
            stack.enter_context(locks.held(lock, command, where or self._path))
            self._file = stack.enter_context(open(self._path, "a+b"))
            self._read(settings)
            self._open = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._open.close()

    def add(self, video, row):
        """Adds the result of a video, a dict of JSON values."""
        self.rows[video] = row
        self._append({"video": video, **row})

    def remove(self):
        """Deletes the file. Call it when the results are saved."""
        self._path.unlink(missing_ok=True)
        self.__exit__()

    def _read(self, settings):
        self._file.seek(0)
        content = self._file.read()
        # The last line may have been cut short.
        whole = content[: content.rfind(b"\n") + 1]
        with contextlib.suppress(ValueError, KeyError, TypeError):
            first, *lines = map(_sound, whole.splitlines())
            if first == settings:
                for line in lines:
                    self.rows[line.pop("video")] = self.parsed(line)
                self._file.truncate(len(whole))
                return
        self.rows.clear()
        self._file.truncate(0)
        self._append(settings)

    def parsed(self, row):
        """Converts a line of the file to a value of `rows`.

        Raises:
            ValueError, KeyError, TypeError: if the line is invalid.
        """
        return row

    def _append(self, line):
        text = json.dumps(line).encode()
        self._file.write(b"%08x %s\n" % (zlib.crc32(text), text))
        self._file.flush()


def _sound(line: bytes) -> dict:
    """Returns the content of a line; raises `ValueError` if it is damaged."""
    crc, _, text = line.partition(b" ")
    if int(crc, 16) != zlib.crc32(text):
        raise ValueError
    return documents.parse_json(text)
