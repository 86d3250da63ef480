"""Predicts many videos on workers of Apache Beam."""

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
    """Yields the same predictions as `predictor.many`, computed by workers.
    They are saved in a hidden file of `out` until all are yielded, so that the
    same command can resume.

    Args:
        network: keras.Model of the predictor.
        predictor: `Predictor`.
        videos: iterable of paths and URLs.
        top: int. Largest number of classes for each video.
        runner: `data.preparing.parts.Runner`.
        out: `pathlib.Path` of a directory that all machines share.

    Yields:
        `Prediction`, or `Unread` for a video that cannot be read, in the order
        of `videos`.
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
    """The work of each worker: the `top` most probable classes of videos."""

    def __init__(self, test, top):
        self._test = test
        self._top = top

    def open(self, models):
        """See `Job`."""
        (model,) = models.values()
        self._predictor = Predictor(model, self._test)

    def each(self, videos):
        """See `Job`. The row of a video that cannot be read has its `error`."""
        places = map(inputs.parsed, videos)
        found = self._predictor.many(places, self._top)
        for name, answer in zip(videos, found, strict=True):
            if isinstance(answer, Unread):
                yield name, {"error": str(answer.error)}, {}
            else:
                yield name, {"answer": answer.to_dict()}, {}


def _file(name):
    """Returns size and modification time of a file, to notice changes; `None`
    for a URL or a missing file."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return None if storage.is_url(name) else [status.st_size, status.st_mtime]


def _prediction(values):
    """Returns the `Prediction` from the result of its `to_dict`."""
    present = values["present"]
    health = Health.from_dict(values["health"])
    return Prediction(
        values["video"],
        tuple(values["classes"]),
        tuple(values["probabilities"]),
        health,
        # `to_dict` puts the remarks of `health` first.
        tuple(values["remarks"][len(health.remarks) :]),
        None if present is None else tuple(present),
    )
