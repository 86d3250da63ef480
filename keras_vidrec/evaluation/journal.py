"""What has been done so far of work on many videos: a file that only grows."""

import contextlib
import json
import pathlib
import zlib

from keras_vidrec.specs import documents
from keras_vidrec.specs import locks


class Journal:
    """The results of work that is not finished: `rows` by video, each a dict
    of what JSON holds.

    Its first line says what is done and how, each further one holds the
    result of a video; before each stands its CRC-32. Work that was killed
    goes on with what is in it. A journal of other work, or a damaged one, is
    begun again: its results are of no use.

    Args:
        path: path of the file, made if missing.
        settings: dict of what JSON holds. What is done and how, the
            fingerprint of the network among it.
        where: `None` (the file), or path of the work, to be named in errors.
            Defaults to `None`.
        command: str. Who does it. Defaults to `"evaluate"`.

    Raises:
        InUse: a `ValueError`, if another process does this work.
    """

    def __init__(self, path, settings, where=None, command="evaluate"):
        self._path = pathlib.Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = {}
        # As JSON has it: no tuples.
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
        """Notes the result of a video, a dict of what JSON holds."""
        self.rows[video] = row
        self._append({"video": video, **row})

    def remove(self):
        """Ends the journal: its results are where they belong."""
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
        """What a row is in `rows`; a `ValueError`, `KeyError` or `TypeError`
        if it is none."""
        return row

    def _append(self, line):
        text = json.dumps(line).encode()
        self._file.write(b"%08x %s\n" % (zlib.crc32(text), text))
        self._file.flush()


def _sound(line):
    """What a line holds; a damaged one is a `ValueError`."""
    crc, _, text = line.partition(b" ")
    if int(crc, 16) != zlib.crc32(text):
        raise ValueError
    return documents.parse_json(text)
