"""Predictions of many videos by the workers of Apache Beam."""

import os

from keras_vidrec.cli.prediction import inputs
from keras_vidrec.data.prepared import storage
from keras_vidrec.evaluation import origins
from keras_vidrec.evaluation import spread
from keras_vidrec.evaluation.journal import Journal
from keras_vidrec.evaluation.predictor import Prediction
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.predictor import Unread
from keras_vidrec.videos.health import Health

_NAME = ".vidrec-predict"


def answers(network, predictor, videos, top, runner, out):
    """What `predictor.many` gives, made by workers. What is done is kept in a
    hidden file of `out` until all answers were taken: the same command goes on
    with it.

    Args:
        network: keras.Model, that of the predictor.
        predictor: `Predictor`.
        videos: iterable of paths and addresses.
        top: int. Classes of each.
        runner: `data.preparing.parts.Runner`.
        out: path of a directory that all machines see.
    """
    names = [str(video) for video in videos]
    settings = {
        "network": origins.of_network(network).fingerprint,
        "classes": predictor.classes,
        "test": predictor.test.to_dict(),
        "top": top,
    }
    path = out / f"{_NAME}.journal"
    unread = {}
    with Journal(path, settings, command="predict") as journal:
        files = {name: _file(name) for name in names}
        left = [
            name
            for name, file in files.items()
            if name not in journal.rows or journal.rows[name]["file"] != file
        ]

        def take(name, row, _arrays):
            if "error" in row:
                unread[name] = Unread(name, ValueError(row["error"]))
            else:
                journal.add(name, {"file": files[name], **row})

        job = _Predicting(predictor.test, top)
        state = out / f"{_NAME}.parts"
        spread.spread(runner, state, {"network": network}, job, left, take)
        for name in names:
            yield unread.get(name) or _prediction(journal.rows[name]["answer"])
        journal.remove()


class _Predicting(spread.Job):
    """What workers do."""

    def __init__(self, test, top):
        self._test = test
        self._top = top

    def open(self, models):
        """See `Job`."""
        (model,) = models.values()
        self._predictor = Predictor(model, self._test)

    def each(self, videos):
        """See `Job`. A row says what is wrong with a video that cannot be
        read."""
        places = map(inputs.parsed, videos)
        found = self._predictor.many(places, self._top)
        for name, answer in zip(videos, found, strict=True):
            if isinstance(answer, Unread):
                yield name, {"error": str(answer.error)}, {}
            else:
                yield name, {"answer": answer.to_dict()}, {}


def _file(name):
    """What changes with a file; nothing is asked of an address."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return None if storage.is_url(name) else [status.st_size, status.st_mtime]


def _prediction(values):
    """The `Prediction` of `to_dict`, as JSON has it."""
    present = values["present"]
    health = Health.from_dict(values["health"])
    return Prediction(
        values["video"],
        tuple(values["classes"]),
        tuple(values["probabilities"]),
        health,
        # Those on its health come first.
        tuple(values["remarks"][len(health.remarks) :]),
        None if present is None else tuple(present),
    )
