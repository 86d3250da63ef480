"""Prepares a dataset: writes all videos to records. It can be interrupted and
resumed at any time."""

import collections.abc
import concurrent.futures
import contextlib
import dataclasses
import functools
import logging
import os
import pathlib
import shutil
import typing

from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.preparing.changes import Changes
from keras_vidrec.data.preparing.code_use import CodeUse
from keras_vidrec.data.preparing.journal import Journal
from keras_vidrec.data.preparing.journal import Progress
from keras_vidrec.data.preparing.record_writer import RecordWriter
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.preparing.video_preparer import VideoPreparer
from keras_vidrec.data.preparing.workers import Workers
from keras_vidrec.flow import extraction
from keras_vidrec.specs import checks
from keras_vidrec.specs import files

logger = logging.getLogger("keras_vidrec")

# If more processes die before the first success, videos are not the reason.
_MAX_DEATHS = 2


class Prepared(typing.NamedTuple):
    """The result of a preparation.

    Args:
        num_videos: int. Videos that have records.
        num_frames: int. Frames of these videos.
        num_new: int. Videos that this run prepared.
        failed: dict from the name of each video without records to the reason.
        code_use: `CodeUse` of the flow; `None` if no flow was made.
    """

    num_videos: int
    num_frames: int
    num_new: int
    failed: dict
    code_use: CodeUse | None


def prepare(
    catalog: Catalog,
    directory: str | os.PathLike[str],
    preparation: Preparation,
    *,
    make: collections.abc.Callable | None = None,
    workers: int | None = None,
    shard_bytes: int = shards.SHARD_BYTES,
    progress: bool = False,
) -> Prepared:
    """Writes a dataset of records, or resumes one.

    Each video becomes one record for each modality. Each worker process
    prepares one video at a time, and only this process writes shards. After an
    interruption the same call resumes after the last finished video; after a
    kill, it also repeats those that were not synced yet. Videos that fail are
    left out and listed in `report.json`; the next call tries them again.
    Before it, videos may be added and removed, but not classes. Videos that
    were replaced by others of the same name, or have another class now, are
    prepared again, and listed in a warning. Their old records stay in the
    shards, but readers do not find them any more.

    Args:
        catalog: `Catalog` of video files.
        directory: path of the dataset: new, empty, or started with the same
            preparation and the same classes.
        preparation: `Preparation`.
        make: `None` (decode each file once, for all its clips), or picklable
            callable that takes the name of a clip and the arguments
            `preparation`, `directory` and `report` of `prepare_video`, and
            returns a `PreparedVideo` or raises a `VideoError`. Defaults to
            `None`.
        workers: `None` (one for each core), or int. Number of processes.
            Defaults to `None`.
        shard_bytes: int. A shard is complete when it has at least this number
            of bytes. Defaults to 512 MiB.
        progress: bool. Whether to show the progress. Defaults to `False`.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if the directory contains something else, other settings
            were used in it, another process is writing it, no video can be
            prepared, or the method of flow is not available on this machine.
        OSError: if the disk is full; finished videos are kept.
    """
    if make is None and preparation.flow != "none":
        extraction.check_method(preparation.flow)
    workers = num_cores() if workers is None else workers
    checks.count("workers", workers)
    checks.count("shard_bytes", shard_bytes)
    directory = pathlib.Path(directory)
    with files.needing_room(directory):
        with contextlib.closing(
            begin(catalog, directory, preparation)
        ) as journal:
            check_shards(directory, journal)
            work = VideoPreparer.of(catalog, preparation, make)
            todo = left_to_do(catalog, journal, work.content, work)
            scratch = directory / prepared_dataset.STATE / "scratch"
            # Files of a killed run, whose processes have ended or will soon.
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            with contextlib.ExitStack() as stack:
                stack.callback(shutil.rmtree, scratch, ignore_errors=True)
                num_videos = len(catalog.videos)
                bar = Progress(num_videos, num_videos - len(todo), progress)
                stack.callback(bar.close)
                pool = make_pool(work, workers, scratch)
                stack.callback(pool.close)
                stack.callback(work.save)
                fill(directory, journal, todo, work, pool, shard_bytes, bar)
            return finish(
                catalog,
                directory,
                preparation,
                journal,
                len(todo),
                work.made_from(catalog, journal),
            )


def left_to_do(catalog, journal, content, work=None):
    """Returns the labels, by name, of the videos that must be prepared: those
    without records and those that have changed. Logs the `Changes`.

    Args:
        catalog: `Catalog` of all videos.
        journal: `Journal`. Changed videos are removed from its `done`.
        content: as for `Changes`.
        work: `None`, or `VideoPreparer`. If its work is compiled for a size of
            frames, videos are sorted by size. Defaults to `None`.
    """
    changes = Changes(catalog, journal, content)
    changes.tell()
    journal.forget(changes.again)
    rows = zip(catalog.videos, catalog.labels)
    todo = {name: label for name, label in rows if name not in journal.done}
    if work is None:
        return todo
    with concurrent.futures.ThreadPoolExecutor(num_cores()) as pool:
        sizes = dict(zip(todo, pool.map(work.compiled_size, todo)))
    return {name: todo[name] for name in sorted(todo, key=sizes.get)}


def make_pool(work, workers, scratch, threads=None):
    """Makes `Workers` that prepare videos; they have to be closed.

    Args:
        work: `VideoPreparer`.
        workers: int. Number of processes.
        scratch: path of the directory for temporary files.
        threads: `None` (the processes share the cores), or int: number of
            threads of each process. Defaults to `None`.
    """
    if threads is None:
        threads = max(num_cores() // workers, 1)
    return Workers(
        functools.partial(work, os.fspath(scratch)),
        workers,
        worker_environment(threads),
        scratch,
    )


def fill(directory, journal, labels, work, pool, shard_bytes, bar):
    """Prepares videos, writes their records into shards, and adds them to the
    journal.

    Args:
        directory: path of the dataset.
        journal: `Journal`.
        labels: dict from the name of each video to its label.
        work: `VideoPreparer`.
        pool: `Workers` that do this work.
        shard_bytes: int. A shard is complete when it has at least this number
            of bytes.
        bar: `Progress`.

    Raises:
        OSError: if the disk is full; finished videos are kept.
        RuntimeError: if processes die with any video.
    """
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(
            RecordWriter(directory, work.modalities, journal, shard_bytes)
        )
        deaths = successes = 0
        for names, kind, value in pool.run(work.tasks(labels)):
            if kind == "reported":
                bar.add_frames(value)
                writer.go_on()
                continue
            if kind == "raised":
                raise value
            if kind == "died":
                died = f"the process that prepared it died twice: {value}"
                value = [died] * len(names)
                deaths += 1
            for name, prepared in zip(names, value):
                failed = isinstance(prepared, str)
                if failed:
                    journal.add_failed(name, prepared)
                else:
                    work.learn(name, prepared)
                    _append(writer, journal, name, labels[name], prepared)
                    successes += 1
                bar.add_video(failed=failed)
            for directory in {
                os.path.dirname(images.path)
                for prepared in value
                if not isinstance(prepared, str)
                for images in prepared.images.values()
            }:
                # Only files of clips that failed are left in it.
                shutil.rmtree(directory, ignore_errors=True)
            if deaths > _MAX_DEATHS and not successes:
                raise RuntimeError(
                    "Every process dies, with any video. Received, from the "
                    f"last one: {value[0]}"
                )
        writer.seal()


def finish(catalog, directory, preparation, journal, num_tried, made_from):
    """Writes the description of a dataset whose videos are all in the journal.

    Args:
        catalog: `Catalog` of all videos.
        directory: path of the dataset.
        preparation: `Preparation` or `FeatureSettings`.
        journal: `Journal`.
        num_tried: int. Number of videos that this run tried to prepare.
        made_from: `None`, or dict of fields of the `Origin`.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if no video can be prepared.
    """
    # The journal may contain videos that no longer exist.
    done = [journal.done[n] for n in catalog.videos if n in journal.done]
    failed = {
        name: journal.failed[name]
        for name in catalog.videos
        if name in journal.failed
    }
    notes = [note for line in done for note in line["notes"]]
    use = CodeUse.of_videos(
        [line["code_use"] for line in done],
        [line["frames"] - 1 for line in done],
    )
    if use is not None:
        notes.append(use.line(preparation.bound))
    prepared_dataset.write_report(directory, catalog, failed, notes)
    if not done:
        raise ValueError(
            f"None of the {len(failed)} videos can be prepared; "
            f"{directory}/report.json says why. Received, the first one: "
            f"{next(iter(failed.values()))}"
        )
    prepared_dataset.write(
        directory,
        catalog,
        preparation.modalities,
        preparation.to_dict(),
        failed,
        {line["video"]: line["health"] for line in done},
        {line["video"]: line["content"] for line in done},
        made_from,
    )
    return Prepared(
        len(done),
        sum(line["frames"] for line in done),
        num_tried - len(failed),
        failed,
        use,
    )


def _append(writer, journal, name, label, prepared):
    """Writes the records of a video, then its line of the journal."""
    positions = writer.append(
        name,
        label,
        {
            modality: (prepared.height, prepared.width, images)
            for modality, images in prepared.images.items()
        },
    )
    notes = [
        f"{name}: its record of {modality} is too long to be "
        "streamed (protobuf parses 2 GB); it is read by offset"
        for modality, images in prepared.images.items()
        if images.num_bytes > records.MAX_STREAMED_BYTES
    ]
    health = prepared.health and prepared.health.to_dict()
    health = health, prepared.lost_share
    journal.add_done(
        name,
        label,
        positions,
        prepared.num_frames,
        notes,
        health,
        prepared.content,
        prepared.code_use,
    )
    prepared.discard()
    writer.go_on()


def begin(catalog, directory, settings, engine=None):
    """Opens the `Journal` of a new, empty or unfinished dataset; it has to be
    closed.

    Args:
        catalog: `Catalog` of all videos.
        directory: path of the dataset.
        settings: `Preparation` or `FeatureSettings`.
        engine: `None` (this process), or str: the name of the program that
            writes the records. Only the same one can resume. Defaults to
            `None`.

    Raises:
        ValueError: if the directory contains something else, other settings
            were used in it, or another process is writing it.
    """
    state = directory / prepared_dataset.STATE
    if not state.is_dir():
        if directory.exists() and (
            not directory.is_dir() or any(directory.iterdir())
        ):
            raise ValueError(
                "Expected a new or empty directory, or an interrupted "
                f"preparation. Received: {str(directory)!r}, which contains "
                "something else"
            )
        state.mkdir(parents=True, exist_ok=True)
        files.sync_directory(directory)
    made = dataclasses.asdict(settings)
    # The paths of the original data do not change the dataset.
    made.pop("made_from", None)
    return Journal(
        state / "journal.jsonl",
        {"classes": catalog.classes, "engine": engine, **made},
    )


def check_shards(directory, journal, in_work=True):
    """Checks that the shards are those of the journal.

    The videos of a missing shard are removed from the journal, so that they are
    prepared again, with a warning. A missing or damaged index is written again.

    Args:
        directory: path of the dataset.
        journal: `Journal`.
        in_work: bool. Whether the last shard of each modality may be
            incomplete. Defaults to `True`.

    Raises:
        ValueError: if a shard is not as long as the journal says, or one
            without an index is damaged.
    """
    for modality, lengths in journal.lengths.items():
        last = max(lengths)
        for number, length in lengths.items():
            shard = shards.shard_path(directory, modality, number)
            index = shards.index_path(shard)
            if not shard.exists():
                unfinished = in_work and number == last
                if unfinished and shards.partial_path(shard).exists():
                    continue
                _forget(journal, shard, journal.videos_in(modality, number))
                index.unlink(missing_ok=True)
                continue
            found = shard.stat().st_size
            if found != length:
                raise ValueError(
                    f"Prepared records are missing. Expected {str(shard)!r} "
                    f"of {length} bytes; delete the file and run the same "
                    "command again, which prepares its videos again. "
                    f"Received: a file of {found} bytes"
                )
            if not shards.is_index(index):
                with files.replacing(index) as temporary:
                    shards.write_index(shard, temporary)


def _forget(journal: Journal, shard: pathlib.Path, videos: list[str]) -> None:
    # There are none if the videos are in a later shard by now.
    if videos:
        journal.forget(videos)
        logger.warning(
            "%s is missing: its %d videos are prepared again",
            shard,
            len(videos),
        )


def num_cores() -> int:
    """The number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_environment(threads: int) -> dict[str, str]:
    """The environment variables of a process with this number of threads. Those
    for threads that are already set are not changed."""
    number = str(threads)
    wanted = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # The processes share the cores, and the memory of a GPU.
        "OMP_NUM_THREADS": number,
        "OPENCV_FOR_THREADS_NUM": number,
        "TF_NUM_INTRAOP_THREADS": number,
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    chosen = {k: v for k, v in os.environ.items() if k.endswith("_THREADS")}
    return {**wanted, **chosen}
