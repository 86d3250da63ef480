"""Preparing a dataset on many machines, with Apache Beam.

The machines share a file system on which the videos and the dataset have the
same paths everywhere; through the pipeline itself only names go. Its element
is a *part*: some videos that one worker prepares one after the other, spooling
their images on its own disk, into one shard a modality. A part is written into
a directory of the attempt and renamed when it is whole, so that attempts that
fail, are repeated or run twice at the same time leave one part or none. The
process that started the pipeline gives the shards their names and keeps the
journal, as a preparation on one machine does.
"""

import contextlib
import json
import logging
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import uuid

from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.preparing import prepare as local
from keras_vidrec.data.preparing.journal import Journal
from keras_vidrec.data.preparing.journal import Progress
from keras_vidrec.data.preparing.video_preparer import VideoPreparer
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

# Enough parts to keep many machines busy and to lose little with one, and
# videos enough in each to be worth a new process.
_PARTS = 64
_VIDEOS_PER_PART = 4, 32
_REPEAT_EVERY_S = 1


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
    pipeline = _new_pipeline(runner, options)
    directory = pathlib.Path(directory).absolute()
    state = directory / prepared_dataset.STATE
    with contextlib.ExitStack() as stack:
        # A run on one machine must not continue here: it does not handle parts.
        journal = local.begin(catalog, directory, preparation, "Apache Beam")
        stack.callback(journal.close)
        bar = Progress(len(catalog.videos), 0, progress)
        stack.callback(bar.close)
        parts = _Parts(state / "parts", directory, journal, bar)
        # What a killed run left; its workers fail without their directory.
        parts.collect()
        parts.clear()
        local.check_shards(directory, journal, in_work=False)
        root = os.path.abspath(catalog.root)
        work = VideoPreparer.of(catalog, preparation, make, root)
        todo = local.left_to_do(catalog, journal, work.content, work)
        if todo:
            names = parts.begin(todo, work.tasks(todo), shards)
            part = _Part(root, work, parts.run)
            with _repeating(parts.collect):
                _run(pipeline, names, part)
            lost = [
                name
                for name in todo
                if name not in journal.done and name not in journal.failed
            ]
            if lost:
                raise RuntimeError(
                    "The pipeline ended early; finished videos are kept. "
                    f"Expected all videos. Missing: {lost[0]!r} ({len(lost)} "
                    "in all)"
                )
        parts.clear()
        return local.finish(
            catalog,
            directory,
            preparation,
            journal,
            len(todo),
            work.made_from(catalog, journal),
        )


class _Part:
    """What a worker does: prepares a part once, whole or not at all."""

    def __init__(self, root, work, run):
        self._root = root
        self._work = work
        self._run = os.fspath(run)

    def __call__(self, name):
        for path in (self._root, self._run):
            if not os.path.isdir(path):
                raise ValueError(
                    "A worker does not find a directory. Expected it at the "
                    f"same path on all machines. Received: {path!r}"
                )
        labels = documents.read_json(_plan_path(self._run, name))
        whole = os.path.join(self._run, name)
        if os.path.exists(whole):
            return
        attempt = tempfile.mkdtemp(prefix=".", dir=self._run)
        try:
            self._write(attempt, labels)
            os.rename(attempt, whole)
        except OSError:
            # Another attempt was first, and is as good.
            if not os.path.exists(whole):
                raise
        finally:
            shutil.rmtree(attempt, ignore_errors=True)
        files.sync_directory(self._run)

    def _write(self, attempt, labels):
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
        files.sync_directory(attempt)


class _Parts:
    """The parts of a dataset, in the process that started the pipeline; `run`
    is the directory of those of this run."""

    def __init__(self, state, directory, journal, bar):
        self._state = state
        self._directory = directory
        self._journal = journal
        self._bar = bar
        # Of each run its own: workers of a killed one may still be there.
        self.run = state / uuid.uuid4().hex
        self._collected = set()

    def begin(self, labels, tasks, shards):
        """Divides videos into new parts and returns the names of these.

        Neighbors in the catalog, often of one class, come into different
        parts, so that shards are mixed and about equally long; the clips of a
        file, a task, into one.
        """
        if shards is None:
            least, most = (-(-len(labels) // n) for n in _VIDEOS_PER_PART)
            shards = max(min(_PARTS, least), most)
        shards = min(shards, len(tasks))
        used = [
            number
            for lengths in self._journal.lengths.values()
            for number in lengths
        ]
        first = max(used, default=-1) + 1
        self.run.mkdir(parents=True)
        parts = []
        for i in range(shards):
            # The name is the number of its shards.
            parts.append(f"{first + i:05d}")
            part = {n: labels[n] for names in tasks[i::shards] for n in names}
            _plan_path(self.run, parts[-1]).write_text(
                json.dumps(part), "utf-8"
            )
        return parts

    def collect(self):
        """Takes over the parts that have become whole."""
        for journal in sorted(self._state.glob("*/[0-9]*/journal.jsonl")):
            if journal.parent not in self._collected:
                self._take(journal.parent)
                self._collected.add(journal.parent)

    def clear(self):
        """Deletes what is left of all runs."""
        shutil.rmtree(self._state, ignore_errors=True)

    def _take(self, part):
        # The process may be killed anywhere and come back to the same part. Its
        # directory is kept to the end, so that other attempts see that it is
        # done.
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


@contextlib.contextmanager
def _repeating(action):
    """Does something now and then meanwhile, and once more at the end."""
    ended = threading.Event()

    def repeat():
        while not ended.wait(_REPEAT_EVERY_S):
            try:
                action()
            except Exception:
                return  # it fails again at the end, where it is seen

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        action()


def _new_pipeline(runner, options):
    try:
        with _without_warnings():
            import apache_beam
            from apache_beam.options.pipeline_options import PipelineOptions
            from apache_beam.runners.portability.portable_runner import (
                PortableRunner,
            )
    except ImportError:
        raise ValueError(
            "Runners need Apache Beam. Expected it to be installed: "
            'pip install "keras-vidrec[beam]". '
            f"Received: runner={runner!r}"
        ) from None
    arguments = list(options)
    options = PipelineOptions(arguments)
    # Beam's own `DirectRunner` would download a program, and ignore the number
    # of workers.
    if runner.lower() in ("direct", "directrunner"):
        runner = _local_runner(options)
    pipeline = apache_beam.Pipeline(runner=runner, options=options)
    # Beam ignores unknown options. Servers of portable runners have their own
    # options.
    if not isinstance(pipeline.runner, PortableRunner):
        unknown = _unknown(options, arguments)
        if unknown:
            raise ValueError(
                "Unknown options of Apache Beam. Expected such as "
                f"--direct_num_workers=2. Received: {unknown}"
            )
    return pipeline


def _unknown(options, arguments):
    parsers = []
    with _without_warnings():
        options.get_all_options(add_extra_args_fn=parsers.append)
    _, unknown = parsers[0].parse_known_args(arguments)
    return unknown


def _local_runner(options):
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    quiet = {"default_sdk_harness_log_level": "ERROR"}
    encoded = JobServiceHandle.encode_pipeline_options(
        quiet | options.get_all_options(drop_default=True)
    )
    provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return fn_runner.FnApiRunner(
        provision_info=fn_runner.ExtendedProvisionInfo(provision)
    )


@contextlib.contextmanager
def _without_warnings():
    """Beam warns about Google clients that are not used here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _run(pipeline, parts, prepare_part):
    import apache_beam

    _ = (
        pipeline
        | "Parts" >> apache_beam.Create(parts)
        | "Spread" >> apache_beam.Reshuffle()
        | "Prepare" >> apache_beam.Map(prepare_part)
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise RuntimeError(
            "The pipeline failed; finished videos are kept. Run the same "
            f"command again to resume. Received: {type(error).__name__}: "
            f"{reason}"
        ) from error


def _plan_path(run, part):
    return pathlib.Path(run, f"{part}.json")


def _journal_path(part):
    return pathlib.Path(part, "journal.jsonl")
