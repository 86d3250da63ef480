"""Distributes work of networks on many videos to machines by Apache Beam."""

import collections.abc
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
# Threads of one worker share the network: only one may use it at a time.
_WORKING = threading.Lock()


class Job:
    """The work on videos: a picklable object, of which each process has a
    copy."""

    def open(self, models):
        """Prepares the work. Called once in each process.

        Args:
            models: dict from name to keras.Model, as given to `spread`.
        """
        raise NotImplementedError

    def each(self, videos):
        """Yields the results of some videos, in any order.

        Args:
            videos: list of str.

        Yields:
            `(video, row, arrays)`: the name of the video, a dict of JSON
            values, and a dict of arrays by name.
        """
        raise NotImplementedError


def spread(runner, state, models, job, videos, take):
    """Runs a job on workers, each of which gets a part of the videos. Each
    result is taken once. Results of a killed call that were not taken are
    deleted.

    Args:
        runner: `parts.Runner`.
        state: path of a directory that all machines share. It is created, and
            deleted at the end.
        models: dict from name to keras.Model. Each worker loads them once, from
            files.
        job: `Job`.
        videos: sequence of str, without duplicates.
        take: callable that gets `(video, row, arrays)`, as `Job.each` yields
            them.

    Raises:
        ValueError: as for `parts.Runner.new_pipeline`.
        RuntimeError: if the pipeline fails; finished results are taken.
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
            # Workers load pickles from here, which can execute code: no other
            # user may write to it.
            made.run.mkdir(mode=0o700, parents=True)
            _keep(made.run, models, job)
            number = min(runner.num_parts(len(videos)), len(videos))
            # Neighbors often have similar lengths: distribute them over the
            # parts.
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
    """Deletes the files of a killed call of `spread`.

    Args:
        state: path of the directory, as for `spread`.
    """
    shutil.rmtree(state, ignore_errors=True)


class _Work:
    """Runs the job on the videos of a part, in a worker."""

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


def _results(part: pathlib.Path) -> collections.abc.Iterator[tuple]:
    """Yields the results in the files of a part, as `Job.each` yielded them."""
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


def _keep(run: pathlib.Path, models: dict, job: Job) -> None:
    """Writes the networks and the job for the workers."""
    import keras

    for name, model in models.items():
        model.save(run / f"{name}.keras")
    here = keras.backend.backend(), os.getcwd(), tuple(models)
    with open(run / _JOB, "wb") as file:
        # A pickle of its own: the backend must be known before Keras is
        # imported, and loading the job may import it.
        pickle.dump(here, file)
        pickle.dump(job, file)


@functools.lru_cache(maxsize=1)
def _opened(path: str) -> Job:
    """Loads the `Job` of a directory, and opens it."""
    run = pathlib.Path(path)
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
        # Relative paths refer to the directory where the pipeline was started.
        if os.path.isdir(directory) and os.getcwd() != directory:
            os.chdir(directory)
        job = pickle.load(file)
    from keras_vidrec.applications.parts import model_file

    job.open({name: model_file.load(run / f"{name}.keras") for name in names})
    return job
