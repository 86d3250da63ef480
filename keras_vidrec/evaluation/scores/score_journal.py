"""What a test has done so far: a file that only grows."""

import contextlib
import json
import pathlib

import numpy as np

from keras_vidrec.specs import documents


class ScoreJournal:
    """The scores of a test that is not finished: `scores` by video, float32
    `(classes,)`.

    Its first line says what is tested and how, each further one holds the
    scores of a video. A test that was killed goes on with what is in it. A
    journal of another test is begun again: its scores are of no use.
    """

    def __init__(self, path, settings):
        self._path = pathlib.Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.scores = {}
        # As JSON has it: no tuples.
        settings = documents.as_json(settings)
        self._file = open(self._path, "a+b")
        try:
            self._read(settings)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._file.close()

    def add(self, video, scores):
        """Notes the scores of a video, float32 `(classes,)`."""
        self.scores[video] = np.asarray(scores, np.float32)
        self._append({"video": video, "scores": np.float64(scores).tolist()})

    def remove(self):
        """Ends the journal: its scores are in a score file."""
        self.__exit__()
        self._path.unlink(missing_ok=True)

    def _read(self, settings):
        self._file.seek(0)
        content = self._file.read()
        # The last line may have been cut short.
        whole = content[: content.rfind(b"\n") + 1]
        with contextlib.suppress(ValueError, KeyError, TypeError):
            first, *lines = map(documents.parse_json, whole.splitlines())
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
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
