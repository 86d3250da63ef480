"""Preparing a dataset: all videos to records, resumable at any moment."""

import concurrent.futures
import contextlib
import dataclasses
import errno
import functools
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import typing

from keras_vidrec.data.clips import frame_size
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared.shards import ShardWriter
from keras_vidrec.data.preparing.journal import Journal
from keras_vidrec.data.preparing.journal import Progress
from keras_vidrec.data.preparing.video import prepare_video
from keras_vidrec.data.preparing.workers import Workers
from keras_vidrec.data.preparing.workers import WornOut
from keras_vidrec.data.sources import frame_map
from keras_vidrec.specs import checks
from keras_vidrec.specs import files
from keras_vidrec.videos import video
from keras_vidrec.videos.health_cache import HealthCache
from keras_vidrec.videos.video import VideoError

# Nothing can be written any more: not the fault of one video.
_NO_ROOM = (
    errno.ENOSPC,
    errno.EFBIG,
    errno.EROFS,
    getattr(errno, "EDQUOT", errno.ENOSPC),
)
# Of processes, before the first success: then it is not the videos.
_MAX_DEATHS = 2


class Prepared(typing.NamedTuple):
    """What a preparation came to.

    Args:
        num_videos: int. Videos that have records.
        num_frames: int. Frames of them.
        num_new: int. Videos that this run prepared.
        failed: dict from the name of a video to why it has none.
    """

    num_videos: int
    num_frames: int
    num_new: int
    failed: dict


def prepare(
    catalog,
    directory,
    preparation,
    *,
    make=None,
    workers=None,
    shard_bytes=shards.SHARD_BYTES,
    progress=False,
):
    """Writes a dataset of records, or goes on with one.

    Each video becomes one record a modality; each worker process takes one
    video at a time, and only this process writes shards. Whatever ends it -
    a kill, a full disk -, the same call goes on from the last finished video.
    Videos that fail are left out and named in `report.json`; another call
    tries them again. Videos may have come and gone meanwhile, but not classes.

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
        ValueError: if the directory holds something else, other settings were
            used in it, another run is at it, or no video can be prepared.
        OSError: if the disk is full; what is finished stays.
    """
    workers = num_cores() if workers is None else workers
    checks.count("workers", workers)
    checks.count("shard_bytes", shard_bytes)
    directory = pathlib.Path(directory)
    try:
        with contextlib.closing(
            begin(catalog, directory, preparation)
        ) as journal:
            check_shards(directory, journal)
            work = VideoPreparer.of(catalog, preparation, make)
            todo = left_to_do(catalog, journal, work)
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
            return finish(catalog, directory, preparation, journal, len(todo))
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise OSError(
            error.errno,
            f"{error.strerror}. What is finished stays: the same command goes "
            "on when there is room",
            str(directory),
        ) from error


def left_to_do(catalog, journal, work=None):
    """The labels of the videos that have no records yet, by name, in the order
    to work in: those of one size, if that saves the `VideoPreparer` time, one
    after the other.

    Raises:
        ValueError: if a video that has records now has another label.
    """
    labels = dict(zip(catalog.videos, catalog.labels))
    todo = {}
    for name, label in labels.items():
        if name not in journal.done:
            todo[name] = label
        elif journal.done[name]["label"] != label:
            raise ValueError(
                "Records hold the label of their video. Expected "
                f"{journal.done[name]['label']} as before, or another "
                f"directory. Received: {label} for {name!r}"
            )
    if work is None:
        return todo
    with concurrent.futures.ThreadPoolExecutor(num_cores()) as pool:
        sizes = dict(zip(todo, pool.map(work.compiled_size, todo)))
    return {name: todo[name] for name in sorted(todo, key=sizes.get)}


def make_pool(work, workers, scratch, threads=None):
    """`Workers` that prepare videos, to be closed. Images on their way lie in
    `scratch`; the processes share the cores unless `threads` says how many
    each has."""
    if threads is None:
        threads = max(num_cores() // workers, 1)
    return Workers(
        functools.partial(work, os.fspath(scratch)),
        workers,
        _worker_environment(threads),
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
        writers = stack.enter_context(
            shard_writers(directory, work.modalities, journal, shard_bytes)
        )
        deaths = successes = 0
        for names, kind, value in pool.run(work.tasks(labels)):
            if kind == "reported":
                bar.add_frames(value)
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
                    _append(writers, journal, name, labels[name], prepared)
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
                    "Every process dies, whatever the video. Received, the "
                    f"last time: {value[0]}"
                )
        for writer in writers.values():
            writer.seal()


def finish(catalog, directory, preparation, journal, num_tried):
    """Describes a dataset whose videos are all in the journal, `num_tried` of
    them new; returns `Prepared`.

    Raises:
        ValueError: if no video can be prepared.
    """
    # The journal may know videos that are gone.
    done = [journal.done[n] for n in catalog.videos if n in journal.done]
    failed = {
        name: journal.failed[name]
        for name in catalog.videos
        if name in journal.failed
    }
    notes = [note for line in done for note in line["notes"]]
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
        {
            name: journal.done[name]["health"]
            for name in catalog.videos
            if name in journal.done
        },
    )
    return Prepared(
        len(done),
        sum(line["frames"] for line in done),
        num_tried - len(failed),
        failed,
    )


def _append(writers, journal, name, label, prepared):
    """Writes the records of a video, then says so in the journal."""
    positions = {}
    notes = []
    for modality, writer in writers.items():
        images = prepared.images[modality]
        positions[modality] = writer.append(
            name, label, prepared.height, prepared.width, images
        )
        if images.num_bytes > records.MAX_STREAMED_BYTES:
            notes.append(
                f"{name}: its record of {modality} is too long to be "
                "streamed (protobuf parses 2 GB); it is read by offset"
            )
    health = prepared.health and prepared.health.to_dict()
    health = health, prepared.lost_share
    journal.add_done(name, label, positions, prepared.num_frames, notes, health)
    prepared.discard()
    for writer in writers.values():
        writer.seal_if_long()


class VideoPreparer:
    """What a process does with the clips of one file: `PreparedVideo`s, or why
    not.

    Picklable. `preparer(scratch, names, report)` takes the path of a directory
    for files, the names of the clips, and a callable that takes numbers of
    frames; it returns of each clip a `PreparedVideo`, or a str if it cannot be
    prepared, and raises `OSError` if nothing can be written any more, and
    `WornOut` if the file is for another process.

    Args:
        root: path of the directory of the videos.
        preparation: `Preparation`.
        make: see `prepare`. Defaults to `None`.
        parts: dict from the name of a clip to `(file, segment)`, of those that
            are not the whole file that they are named for. Defaults to none.
    """

    def __init__(self, root, preparation, make=None, parts=None):
        self._root = root
        self._preparation = preparation
        self._make = make
        self._parts = parts or {}
        self._size = None
        self._healths = None

    def __getstate__(self):
        # Each process looks for itself.
        return {**self.__dict__, "_size": None, "_healths": None}

    @classmethod
    def of(cls, catalog, preparation, make=None, root=None):
        """The one of a `Catalog`, whose directory other processes may know by
        another path."""
        rows = zip(catalog.videos, catalog.files, catalog.segments)
        parts = {
            name: (file, segment)
            for name, file, segment in rows
            if (file, segment) != (name, None)
        }
        return cls(root or catalog.root, preparation, make, parts)

    @property
    def modalities(self):
        """Tuple of str: what is made."""
        return self._preparation.modalities

    def tasks(self, names):
        """The names in groups of one file, each a tuple, in the order in which
        the files come first."""
        if self._make is not None:
            return [(name,) for name in names]
        groups = {}
        for name in names:
            groups.setdefault(self._part(name)[0], []).append(name)
        return list(map(tuple, groups.values()))

    def learn(self, name, prepared):
        """Keeps what the preparation of a clip has shown of its file, for
        whoever reads the videos next."""
        if prepared.health is not None:
            file = self._part(name)[0]
            self._cache().add(file, prepared.health, prepared.times)

    def save(self):
        """Writes what was learnt."""
        if self._healths is not None:
            self._healths.save()

    def compiled_size(self, name):
        """Size of the prepared frames of a video if the work compiles for it
        as TV-L1 does, else `()`."""
        if self._make is not None or self._preparation.flow != "tvl1":
            return ()
        wanted = self._preparation.frame
        try:
            with (
                storage.opened(self._path(name)) as file,
                contextlib.closing(
                    video.iter_frames(file, wanted.deinterlace)
                ) as frames,
            ):
                height, width = next(frames).shape[:2]
            return frame_size.size_of(wanted, height, width)
        except (OSError, ValueError, VideoError):
            return ()  # what is wrong with it is reported when it is prepared

    def __call__(self, scratch, names, report):
        if any("\n" in name for name in names):
            return ["its name has a line break. Rename it."] * len(names)
        # Memory that was compiled into is never given back.
        size = self.compiled_size(names[0])
        if size and self._size not in (None, size):
            raise WornOut
        self._size = size or self._size
        # Of its own: the video before may not have been fetched yet.
        directory = tempfile.mkdtemp(dir=scratch)
        try:
            if self._make is None:
                return self._decode(names, directory, report)
            (name,) = names
            return [self._make(name, self._preparation, directory, report)]
        except Exception as error:
            shutil.rmtree(directory, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise
            return [_reason(error)] * len(names)

    def _decode(self, names, directory, report):
        found = {name: self._taken(name) for name in names}
        good = [n for n in names if not isinstance(found[n], VideoError)]
        if good:
            with storage.opened(self._path(names[0])) as file:
                prepared = prepare_video(
                    file,
                    self._preparation,
                    directory,
                    report,
                    [found[name] for name in good],
                )
            found.update(zip(good, prepared))
        results = []
        for name in names:
            result = found[name]
            if isinstance(result, VideoError):
                _, problem = result.args
                if self._part(name)[1] is not None:  # it is not the file's
                    result = VideoError(name, problem)
                result = _reason(result)
            else:
                result = self._with_health(name, result)
            results.append(result)
        return results

    def _with_health(self, name, prepared):
        (file, segment), cache = self._part(name), self._cache()
        if prepared.health is not None:  # else it was looked at before
            cache.add(file, prepared.health, prepared.times)
        return prepared._replace(
            health=cache[file],
            times=cache.times(file),
            lost_share=frame_map.lost_share(
                cache, file, self._preparation.frame, segment
            ),
        )

    def _taken(self, name):
        """The frames of its file that a clip consists of, or a `VideoError`
        that says why it has none."""
        file, segment = self._part(name)
        frame = self._preparation.frame
        if frame.fps is None and segment is None:
            return None
        try:
            return frame_map.frames_taken(self._cache(), file, frame, segment)
        except ValueError as error:
            return VideoError(name, str(error))

    def _cache(self):
        if self._healths is None:
            self._healths = HealthCache(
                self._root,
                self._preparation.frame.deinterlace,
                lambda file: storage.below(self._root, file),
            )
        return self._healths

    def _part(self, name):
        return self._parts.get(name, (name, None))

    def _path(self, name):
        file = self._part(name)[0]
        path = storage.below(self._root, file)
        if isinstance(path, storage.RemotePath):
            return path
        return os.path.join(self._root, file)


def _reason(error):
    if isinstance(error, VideoError):
        return str(error)
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def shard_writers(directory, modalities, journal, shard_bytes):
    """Context of a dict from each modality to a `ShardWriter` that goes on
    where the journal ends."""
    with contextlib.ExitStack() as stack:
        writers = {}
        for modality in modalities:
            position = journal.positions.get(modality, (0, 0))
            writers[modality] = ShardWriter(
                directory, modality, shard_bytes, position
            )
            stack.callback(writers[modality].close)
        yield writers


def begin(catalog, directory, settings, classes=None):
    """The journal of a new or empty directory, or of one begun before; to be
    closed.

    Args:
        catalog: `Catalog` of all videos.
        directory: path of the dataset.
        settings: `Preparation` or `FeatureSettings`.
        classes: `None`, or str instead of the `digest` of the catalog.
            Defaults to `None`.

    Raises:
        ValueError: if the directory holds something else, other settings were
            used in it, or another run is at it.
    """
    state = directory / prepared_dataset.STATE
    if not state.is_dir():
        if directory.exists() and (
            not directory.is_dir() or any(directory.iterdir())
        ):
            raise ValueError(
                "Expected a new or empty directory, or a preparation to go on "
                f"with. Received: {str(directory)!r}, which holds something "
                "else"
            )
        state.mkdir(parents=True, exist_ok=True)
        shards.sync_directory(directory)
    return Journal(
        state / "journal.jsonl",
        {
            "classes": classes or digest(catalog),
            **dataclasses.asdict(settings),
        },
    )


def check_shards(directory, journal, in_work=True):
    """Refuses, by a `ValueError`, shards that are not as long as the journal
    says, and writes the index of one that has lost it. The last ones may be
    unfinished if `in_work`."""
    for modality, lengths in journal.lengths.items():
        last = max(lengths)
        for number, length in lengths.items():
            shard = shards.shard_path(directory, modality, number)
            if in_work and number == last and not shard.exists():
                continue  # in work
            found = shard.stat().st_size if shard.exists() else 0
            if found != length:
                raise ValueError(
                    "Prepared records are missing. Expected "
                    f"{str(shard)!r} of {length} bytes; delete the directory "
                    f"and begin again. Received: a file of {found} bytes"
                )
            index = shards.index_path(shard)
            if not index.exists():
                with files.replacing(index) as temporary:
                    shards.write_index(shard, temporary)


def digest(catalog):
    """Short text that differs for catalogs of different classes."""
    found = hashlib.sha256(json.dumps(catalog.classes).encode()).hexdigest()
    return f"{len(catalog.classes)}, {found[:8]}"


def num_cores():
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _worker_environment(threads):
    threads = str(threads)
    wanted = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # The processes share the cores, and a GPU where there is one.
        "OMP_NUM_THREADS": threads,
        "OPENCV_FOR_THREADS_NUM": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    chosen = {k: v for k, v in os.environ.items() if k.endswith("_THREADS")}
    return {**wanted, **chosen}
