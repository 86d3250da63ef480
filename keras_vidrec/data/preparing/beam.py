"""Preparing a dataset on many machines, with Apache Beam.

The work is divided into `parts`: some videos that one worker prepares one after
the other, spooling their images on its own disk, into one shard a modality. The
process that started the pipeline gives the shards their names and keeps the
journal, as a preparation on one machine does.
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

    The records are those of `data.preparing.prepare`, byte for byte, in other
    shards. After an interruption the same call resumes from the last finished
    shard; a pipeline that still runs elsewhere has to be stopped before. Videos
    that fail are left out and named in `report.json`; another call tries them
    again.

    Args:
        catalog: `Catalog` of video files, below the same path on all machines.
        directory: path of the dataset, likewise: new, empty, or begun with
            the same arguments by this function. A local or shared file system
            that renames directories in one step, as POSIX demands.
        preparation, make, progress: as for `data.preparing.prepare.prepare`.
        runner: str. Name of Beam's runner: `"DirectRunner"`, `"FlinkRunner"`,
            ... `"DirectRunner"` is Beam's `FnApiRunner`.
        options: sequence of str. Beam's own options, as on a command line.
        shards: `None`, or int. Number of shards of each modality for what is
            left to do. Defaults to `None`: 64 of 4 to 32 videos each, more
            or fewer where that is not possible.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if Apache Beam is missing, the runner or an option is
            unknown, the directory contains something else, other settings were
            used in it, another process is writing it, or no video can be
            prepared.
        RuntimeError: if the pipeline fails; what is finished stays.
    """
    if shards is not None:
        checks.count("shards", shards)
    spread = beam_parts.Runner(runner, options, shards)
    pipeline = spread.new_pipeline()
    directory = pathlib.Path(directory).absolute()
    state = directory / prepared_dataset.STATE
    with contextlib.ExitStack() as stack:
        # A run on one machine must not continue here: it does not handle parts.
        journal = local.begin(catalog, directory, preparation, "Apache Beam")
        stack.callback(journal.close)
        bar = Progress(len(catalog.videos), 0, progress)
        stack.callback(bar.close)
        shelf = _Shelf(directory, journal, bar)
        parts = beam_parts.Parts(state / "parts", shelf.take)
        # What a killed run left; its workers fail without their directory.
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
    """What a worker does of a part: prepares its videos."""

    def __init__(self, work):
        self._work = work

    def __call__(self, attempt, labels):
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            # In a process of its own: a video may kill it, and the runner
            # may have several threads here. Most have a worker for each core.
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
    """The shards of a dataset, where parts are put that workers have made."""

    def __init__(self, directory, journal, bar):
        self._directory = directory
        self._journal = journal
        self._bar = bar

    def plans(self, labels, tasks, number):
        """Divides videos into parts: dict from their numbers, which are those
        of their shards, to labels by name.

        Neighbors in the catalog, often of one class, come into different
        parts, so that shards are mixed and about equally long; the clips of a
        file, a task, into one.
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
        """Takes over the shards and the journal of a part."""
        # Its directory is kept to the end, so that other attempts see that it
        # is done.
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


def _shards_of(line):
    return {number for number, _ in line["positions"].values()}


def _journal_path(part):
    return pathlib.Path(part, "journal.jsonl")
