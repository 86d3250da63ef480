"""Work of networks on many videos, spread over machines with Apache Beam."""

import functools
import json
import os
import pathlib
import pickle
import shutil
import sys
import threading

import numpy as np

from keras_vidrec.data.preparing import parts
from keras_vidrec.specs import documents

_JOB = "job.pickle"
_ROWS = "rows.json"
_ARRAYS = "arrays.npz"
# Threads of one worker share the network, which computes for one at a time.
_WORKING = threading.Lock()


class Job:
    """What workers do: a picklable object, a copy for each process."""

    def open(self, models):
        """Gets ready, once in a process.

        Args:
            models: dict from name to keras.Model, as given to `spread`.
        """
        raise NotImplementedError

    def each(self, videos):
        """Yields the results of some videos, in any order.

        Args:
            videos: list of str.

        Yields:
            `(video, row, arrays)`: a dict of what JSON holds, and a dict from
            name to array.
        """
        raise NotImplementedError


def spread(runner, state, models, job, videos, take):
    """Has workers do a job, a part of the videos each; nothing comes back
    twice. What a killed run has left is deleted; what `take` was given stays
    with the caller.

    Args:
        runner: `parts.Runner`.
        state: path of a directory, made and deleted, that all machines see.
        models: dict from name to keras.Model. Workers load it from a file,
            once each.
        job: `Job`.
        videos: sequence of str, each once.
        take: callable of `(video, row, arrays)`, as `Job.each` yields them.

    Raises:
        ValueError: as `parts.Runner.new_pipeline`.
        RuntimeError: if the pipeline fails; what was finished is taken.
    """
    if not videos:
        return
    taken = set()

    def take_part(part):
        for video, row, arrays in _results(part):
            if video not in taken:
                take(video, row, arrays)
                taken.add(video)

    made = parts.Parts(pathlib.Path(state).absolute(), take_part)
    with runner.new_pipeline() as pipeline:
        made.clear()
        try:
            # Pickles there are executed: no other user may write to it.
            made.run.mkdir(mode=0o700, parents=True)
            _keep(made.run, models, job)
            number = min(runner.num_parts(len(videos)), len(videos))
            # Neighbors, often of one length, come into different parts.
            plans = {i: list(videos[i::number]) for i in range(number)}
            work = _Work(made.run)
            made.work(pipeline, made.begin(plans), parts.Part(made.run, work))
        finally:
            _opened.cache_clear()
            made.clear()
    lost = [video for video in videos if video not in taken]
    if lost:
        raise parts.ended_early(lost)


def clear(state):
    """Deletes what a killed run has left, where no runner goes on with it;
    arguments as of `spread`."""
    shutil.rmtree(state, ignore_errors=True)


class _Work:
    """What a worker does of a part: the job, on its videos."""

    def __init__(self, run):
        self._run = os.fspath(run)

    def __call__(self, attempt, videos):
        rows, arrays = [], {}
        with _WORKING:
            for video, row, found in _opened(self._run).each(videos):
                for name, array in found.items():
                    arrays[f"{len(rows)}.{name}"] = array
                rows.append((video, row))
        attempt = pathlib.Path(attempt)
        np.savez(attempt / _ARRAYS, **arrays)
        (attempt / _ROWS).write_text(json.dumps(rows), "utf-8")


def _results(part):
    """What a worker has written, as `Job.each` yielded it."""
    rows = documents.read_json(part / _ROWS)
    with np.load(part / _ARRAYS, allow_pickle=False) as arrays:
        for number, (video, row) in enumerate(rows):
            start = f"{number}."
            yield (
                video,
                row,
                {
                    name.removeprefix(start): arrays[name]
                    for name in arrays.files
                    if name.startswith(start)
                },
            )


def _keep(run, models, job):
    """Writes what workers need."""
    import keras

    for name, model in models.items():
        model.save(run / f"{name}.keras")
    here = keras.backend.backend(), os.getcwd(), tuple(models)
    with open(run / _JOB, "wb") as file:
        # Apart: which backend it is must be known before Keras is imported.
        pickle.dump(here, file)
        pickle.dump(job, file)


@functools.lru_cache(maxsize=1)
def _opened(run):
    """The `Job` of a run, ready."""
    run = pathlib.Path(run)
    with open(run / _JOB, "rb") as file:
        backend, directory, names = pickle.load(file)
        if "keras" not in sys.modules:
            os.environ["KERAS_BACKEND"] = backend
        import keras

        found = keras.backend.backend()
        if found != backend:
            raise ValueError(
                "A worker computes with another backend of Keras. Expected "
                f"KERAS_BACKEND={backend} in its environment. Received: "
                f"{found}"
            )
        # Paths mean what they do where the pipeline was started.
        if os.path.isdir(directory) and os.getcwd() != directory:
            os.chdir(directory)
        job = pickle.load(file)
    from keras_vidrec.applications.parts import model_file

    job.open({name: model_file.load(run / f"{name}.keras") for name in names})
    return job
