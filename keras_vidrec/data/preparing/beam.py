"""Prepares a dataset on many machines, with Apache Beam.

The work is divided into parts (see `parts`). A worker prepares the videos of a
part one after the other, with temporary files on its own disk, and writes one
shard for each modality. The process that started the pipeline renames the
shards and writes the journal, as a preparation on one machine does.
"""

import contextlib
import os
import pathlib
import sys
import tempfile

from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.preparing import parts as beam_parts
from keras_vidrec.data.preparing import prepare as local
from keras_vidrec.data.preparing.journal import Journal
from keras_vidrec.data.preparing.journal import Progress
from keras_vidrec.data.preparing.video_preparer import VideoPreparer
from keras_vidrec.specs import checks
from keras_vidrec.specs import files


def prepare(
    catalog,
    directory,
    preparation,
    *,
    runner,
    options=(),
    make=None,
    shards=None,
    progress=False,
):
    """Writes a dataset of records with an Apache Beam pipeline, or resumes one.

    The records are byte for byte those of `data.preparing.prepare`, but in
    other shards. After an interruption the same call resumes after the finished
    shards; a pipeline that is still running must be stopped before. Videos that
    fail are left out and listed in `report.json`; the next call tries them
    again.

    Args:
        catalog: `Catalog` of video files, below the same path on all machines.
        directory: path of the dataset, also the same on all machines: new,
            empty, or started by this function with the same arguments. The file
            system must rename directories atomically, as POSIX requires.
        preparation, make, progress: as for `data.preparing.prepare.prepare`.
        runner: str. Name of Beam's runner: `"DirectRunner"`, `"FlinkRunner"`,
            ... `"DirectRunner"` is Beam's `FnApiRunner`.
        options: sequence of str. Beam's own options, as on a command line.
            Defaults to none.
        shards: `None`, or int. Number of shards of each modality for the
            videos that are not prepared yet. Defaults to `None`: 64, or more or
            fewer, so that each has 4 to 32 videos.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if Apache Beam is missing, the runner or an option is
            unknown, the directory contains something else, other settings were
            used in it, another process is writing it, or no video can be
            prepared.
        RuntimeError: if the pipeline fails; finished parts are kept.
    """
    if shards is not None:
        checks.count("shards", shards)
    spread = beam_parts.Runner(runner, options, shards)
    directory = pathlib.Path(directory).absolute()
    state = directory / prepared_dataset.STATE
    with contextlib.ExitStack() as stack:
        pipeline = stack.enter_context(spread.new_pipeline())
        # The engine in the journal keeps `prepare.prepare`, which does not know
        # of parts, from resuming this.
        journal = local.begin(catalog, directory, preparation, "Apache Beam")
        stack.callback(journal.close)
        bar = Progress(len(catalog.videos), 0, progress)
        stack.callback(bar.close)
        shelf = _Shelf(directory, journal, bar)
        parts = beam_parts.Parts(state / "parts", shelf.take)
        # Parts of a killed run. Workers of it that still run fail without their
        # directory.
        parts.collect()
        parts.clear()
        local.check_shards(directory, journal, in_work=False)
        root = os.path.abspath(catalog.root)
        work = VideoPreparer.of(catalog, preparation, make, root)
        todo = local.left_to_do(catalog, journal, work.content, work)
        if todo:
            number = spread.num_parts(len(todo))
            names = parts.begin(shelf.plans(todo, work.tasks(todo), number))
            part = beam_parts.Part(parts.run, _Preparing(work), [root])
            parts.work(pipeline, names, part)
            lost = [
                name
                for name in todo
                if name not in journal.done and name not in journal.failed
            ]
            if lost:
                raise beam_parts.ended_early(lost)
        parts.clear()
        return local.finish(
            catalog,
            directory,
            preparation,
            journal,
            len(todo),
            work.made_from(catalog, journal),
        )


class _Preparing:
    """The work of a part: prepares its videos."""

    def __init__(self, work):
        self._work = work

    def __call__(self, attempt, labels):
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            # In a separate process, because a video may kill it, and the runner
            # may use several threads here. It has one thread, because most
            # runners have a worker for each core.
            pool = local.make_pool(self._work, 1, scratch, threads=1)
            stack.callback(pool.close)
            journal = Journal(_journal_path(attempt), {})
            stack.callback(journal.close)
            bar = Progress(len(labels), 0, False)
            stack.callback(bar.close)
            local.fill(
                attempt,
                journal,
                labels,
                self._work,
                pool,
                sys.maxsize,
                bar,
            )


class _Shelf:
    """Moves finished parts into the shards and the journal of a dataset."""

    def __init__(self, directory, journal, bar):
        self._directory = directory
        self._journal = journal
        self._bar = bar

    def plans(self, labels, tasks, number):
        """Divides videos into parts.

        Neighbors in the catalog, often of one class, are put into different
        parts, so that shards are mixed and about equally long. The clips of a
        file, a task, are in one part.

        Args:
            labels: dict from the name of each video to its label.
            tasks: list of tuples of names.
            number: int. Number of parts.

        Returns:
            dict from the number of each part, which is that of its shards, to a
            dict of the labels of its videos by name.
        """
        number = min(number, len(tasks))
        used = [
            used
            for lengths in self._journal.lengths.values()
            for used in lengths
        ]
        first = max(used, default=-1) + 1
        return {
            first + i: {
                n: labels[n] for names in tasks[i::number] for n in names
            }
            for i in range(number)
        }

    def take(self, part):
        """Moves the shards of a part into the dataset, and adds its journal."""
        # The directory of the part is kept to the end, so that other attempts
        # see that it is finished.
        with contextlib.closing(Journal(_journal_path(part), {})) as found:
            number = int(part.name)
            for modality in found.lengths:
                self._move(part, modality, number)
            for video, line in found.done.items():
                known = self._journal.done.get(video)
                if known and _shards_of(known) == {number}:
                    continue
                self._journal.add_done(
                    video,
                    line["label"],
                    {
                        modality: (number, length)
                        for modality, (_, length) in line["positions"].items()
                    },
                    line["frames"],
                    line["notes"],
                    line["health"],
                    line["content"],
                    line["code_use"],
                )
                self._bar.add_frames(line["frames"])
                self._bar.add_video()
            self._journal.sync()
            for video, reason in found.failed.items():
                self._journal.add_failed(video, reason)
                self._bar.add_video(failed=True)

    def _move(self, part, modality, number):
        source = shards.shard_path(part, modality, 0)
        if not source.exists():
            return
        target = shards.shard_path(self._directory, modality, number)
        target.parent.mkdir(exist_ok=True)
        index = shards.index_path(source)
        if index.exists():
            index.replace(shards.index_path(target))
        source.replace(target)
        files.sync_directory(target.parent)


def _shards_of(line: dict) -> set[int]:
    """The numbers of the shards in a line of the journal."""
    return {number for number, _ in line["positions"].values()}


def _journal_path(part) -> pathlib.Path:
    return pathlib.Path(part, "journal.jsonl")
