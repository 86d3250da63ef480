"""Preparing a dataset: all videos to records, resumable at any moment."""

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

# Of processes, before the first success: then it is not the videos.
_MAX_DEATHS = 2


class Prepared(typing.NamedTuple):
    """What a preparation came to.

    Args:
        num_videos: int. Videos that have records.
        num_frames: int. Frames of them.
        num_new: int. Videos that this run prepared.
        failed: dict from the name of a video to why it has none.
        code_use: `CodeUse` of the flow; `None` if none was made.
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

    Each video becomes one record a modality; each worker process takes one
    video at a time, and only this process writes shards. After an interruption
    the same call resumes from the last finished video; if the process was
    killed, from half a second before at most. Videos that fail are
    left out and named in `report.json`; another call tries them again. Videos
    may have come and gone meanwhile, but not classes; those that were replaced
    by others of the same name, or have another class now, are prepared again,
    and listed. Their old records stay in the shards, where the index does not
    lead to them any more.

    Args:
        catalog: `Catalog` of video files.
        directory: path of the dataset: new, empty, or begun with the same
            preparation of the same classes.
        preparation: `Preparation`.
        make: `None` (decode each file once, for all its clips), or picklable
            callable: of the name of a clip and the other arguments of
            `prepare_video` it returns a `PreparedVideo` or raises a
            `VideoError`. Defaults to `None`.
        workers: `None` (one a core), or int. Number of processes.
        shard_bytes: int. A shard of at least this length is complete.
            Defaults to 512 MB.
        progress: bool. Whether to show how far it is. Defaults to `False`.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if the directory contains something else, other settings
            were used in it, another process is writing it, no video can be
            prepared, or its flow cannot be computed here.
        OSError: if the disk is full; what is finished stays.
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
            # What a killed run left; its processes are gone or about to go.
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
    """The labels of the videos that have no records, or old ones, by name, in
    the order to work in: those of one size, if that saves the `VideoPreparer`
    time, one after the other. The `Changes` are logged; `content` is as there.
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
    """`Workers` that prepare videos, to be closed. Images on their way are in
    `scratch`; the processes share the cores unless `threads` says how many each
    has.
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
    """Prepares the videos of `labels` by the `work` that the `pool` does;
    writes their records into shards of at least `shard_bytes`, then the
    journal.

    Raises:
        OSError: if the disk is full; what is finished stays.
        RuntimeError: if the processes die whatever they do.
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
                # Nothing but what clips that failed have left.
                shutil.rmtree(directory, ignore_errors=True)
            if deaths > _MAX_DEATHS and not successes:
                raise RuntimeError(
                    "Every process dies, with any video. Received, the last "
                    f"time: {value[0]}"
                )
        writer.seal()


def finish(catalog, directory, preparation, journal, num_tried, made_from):
    """Describes a dataset whose videos are all in the journal, `num_tried` of
    them new; returns `Prepared`. `made_from` are fields of its `Origin`.

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
    """Writes the records of a video, then says so in the journal."""
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
    """The journal of a new or empty directory, or of one begun before; to be
    closed.

    Args:
        catalog: `Catalog` of all videos.
        directory: path of the dataset.
        settings: `Preparation` or `FeatureSettings`.
        engine: `None`, or str: what else than this process writes the records.
            Defaults to `None`.

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
    made.pop("made_from", None)  # where it lies does not change the dataset
    return Journal(
        state / "journal.jsonl",
        {"classes": catalog.classes, "engine": engine, **made},
    )


def check_shards(directory, journal, in_work=True):
    """Looks whether the shards are those of the journal.

    The videos of a missing shard are removed from the journal, so that they are
    prepared again, and this is logged; a missing or damaged index is written
    again. The last shards may be unfinished if `in_work`.

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


def _forget(journal, shard, videos):
    if videos:  # else they were made again since
        journal.forget(videos)
        logger.warning(
            "%s is missing: its %d videos are prepared again",
            shard,
            len(videos),
        )


def num_cores():
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_environment(threads: int) -> dict[str, str]:
    """Environment variables of one of several processes that share the cores
    of this machine, so many threads each, and its GPU."""
    number = str(threads)
    wanted = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # The processes share the cores, and a GPU where there is one.
        "OMP_NUM_THREADS": number,
        "OPENCV_FOR_THREADS_NUM": number,
        "TF_NUM_INTRAOP_THREADS": number,
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    chosen = {k: v for k, v in os.environ.items() if k.endswith("_THREADS")}
    return {**wanted, **chosen}
