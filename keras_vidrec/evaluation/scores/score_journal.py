"""What a test has done so far: a file that only grows."""

import contextlib
import json
import pathlib
import zlib

import numpy as np

from keras_vidrec.specs import documents
from keras_vidrec.specs import locks


class ScoreJournal:
    """The scores of a test that is not finished: `scores` by video, float32
    `(classes,)`.

    Its first line says what is tested and how, each further one holds the
    scores of a video; before each stands its CRC-32. A test that was killed
    goes on with what is in it. A journal of another test, or a damaged one, is
    begun again: its scores are of no use.

    Args:
        path: path of the file, made if missing.
        settings: dict of what JSON holds. What is tested and how, the
            fingerprint of the network among it.
        where: `None` (the file), or path of the test, to be named in errors.
            Defaults to `None`.

    Raises:
        InUse: a `ValueError`, if another process does this test.
    """

    def __init__(self, path, settings, where=None):
        self._path = pathlib.Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.scores = {}
        # As JSON has it: no tuples.
        settings = documents.as_json(settings)
        with contextlib.ExitStack() as stack:
            lock = self._path.with_name(f"{self._path.name}.lock")
            stack.enter_context(
                locks.held(lock, "evaluate", where or self._path)
            )
            self._file = stack.enter_context(open(self._path, "a+b"))
            self._read(settings)
            self._open = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._open.close()

    def add(self, video, scores):
        """Notes the scores of a video, float32 `(classes,)`."""
        self.scores[video] = np.asarray(scores, np.float32)
        self._append({"video": video, "scores": np.float64(scores).tolist()})

    def remove(self):
        """Ends the journal: its scores are in a score file."""
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
                    scores = np.array(line["scores"], np.float32)
                    self.scores[line["video"]] = scores
                self._file.truncate(len(whole))
                return
        self.scores.clear()
        self._file.truncate(0)
        self._append(settings)

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
