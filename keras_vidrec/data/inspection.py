"""Inspects a dataset before training: what it contains, and its problems."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import os
import statistics
import typing

import numpy as np
import tqdm

from keras_vidrec.data import healths
from keras_vidrec.data import imbalance
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.clips import short_videos
from keras_vidrec.data.opening import Opened
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import ClipSpec
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.video import VideoError

# The number of images that must be equal in identical videos.
_IMAGES_COMPARED = 25


class Counts(typing.NamedTuple):
    """The least, median and most images of a modality in a dataset's videos."""

    least: int
    median: float
    most: int


class Part(typing.NamedTuple):
    """Number of videos in the parts of a split."""

    train: int
    test: int


class Leak(typing.NamedTuple):
    """Two videos that belong together, but are in different parts of a split.

    Args:
        split: key of the split.
        reason: str. `"group"`: they are of one group; `"content"`: they are
            identical.
        train: str. A training video.
        test: str. A test video.
    """

    split: object
    reason: str
    train: str
    test: str


@dataclasses.dataclass(frozen=True)
class Inspection:
    """The result of an inspection.

    Args:
        directory: str.
        kind: str. `"videos"`, `"frames"` or `"prepared"`.
        classes: dict from the name of a class to its number of videos.
        splits: dict from a split to its `Part`.
        images: dict from a modality to the `Counts` of the readable videos.
        problems: tuple of str. Warnings about the dataset as a whole.
        missing: tuple of str. Clips in lists that have no file.
        short: dict from a video to why it is short: it has too few images for
            each segment of a clip to have a start of its own. Such a video can
            be used; its images are repeated.
        broken: dict from a video to why it cannot be used; for a prepared
            dataset also the videos that could not be prepared.
        identical: tuple of tuples of str. Videos with the same content.
        leaks: tuple of `Leak`: one for each split and group, and for each split
            and set of identical videos.
        understood: str. One line about how the dataset was understood, if that
            is not obvious. Defaults to `""`.
        validation: dict from a split to the number of videos in the validation
            part that the dataset defines. Defaults to `{}`.
        alike: tuple of tuples of str. Videos that are identical or look like
            cuts of one recording, if the split is an automatic one. Defaults to
            `()`.
        damaged: dict from a video that lost over 10 % of its frames to what is
            lost. Such a video can be used, but is excluded from training by
            default. Defaults to `{}`.
        remarks: tuple of str. Warnings about the files, one for each unusual
            property. Defaults to `()`.
        healths: dict from a file to its `Health`, without files whose health is
            unknown. Defaults to `{}`.
        num_videos: int. Number of videos in the dataset. Defaults to `0`.
        made: dict. How a prepared dataset was made: `flow`, `bound`,
            `quality` of the JPEGs and other settings of `dataset.json`.
            Defaults to `{}`.
    """

    directory: str
    kind: str
    classes: dict
    splits: dict
    images: dict
    problems: tuple
    missing: tuple
    short: dict
    broken: dict
    identical: tuple
    leaks: tuple
    understood: str = ""
    validation: dict = dataclasses.field(default_factory=dict)
    alike: tuple = ()
    damaged: dict = dataclasses.field(default_factory=dict)
    remarks: tuple = ()
    healths: dict = dataclasses.field(default_factory=dict)
    num_videos: int = 0
    made: dict = dataclasses.field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether every video can be used and there are no leaks. Missing,
        short and identical videos within one part are allowed."""
        return not self.broken and not self.leaks

    def to_dict(self) -> dict:
        """Returns the inspection as dicts, lists, numbers and strings for
        JSON."""
        values = dataclasses.asdict(self)
        values["splits"] = {
            str(key): part._asdict() for key, part in self.splits.items()
        }
        values["validation"] = {str(k): n for k, n in self.validation.items()}
        values["images"] = {
            key: counts._asdict() for key, counts in self.images.items()
        }
        values["leaks"] = [leak._asdict() for leak in self.leaks]
        return {
            "num_videos": self.num_videos,
            "is_sound": self.is_sound,
            **values,
        }


def inspect(
    opened: Opened, spec: ClipSpec | None = None, *, verbose: bool = False
) -> Inspection:
    """Checks every video of a dataset.

    Video files are decoded completely; the results are cached beside them, so
    the next inspection is quick. Of frame folders and records only some images
    are decoded; of frame folders the sizes of all files are checked.

    Args:
        opened: `opening.Opened`.
        spec: `None` (TSN: 3 segments, 5 flow images), or `ClipSpec`: the clip
            for which videos may be too short. Defaults to `None`.
        verbose: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        `Inspection`.
    """
    kind, source, catalog = opened
    modalities = _stored(kind, source)
    spec = spec or ClipSpec(
        modalities=modalities,
        num_segments=3,
        snippet_length=1 if modalities == ("rgb",) else 5,
    )

    looks = _look_at_all(opened, modalities, spec, verbose)
    broken, short, prints = {}, {}, collections.defaultdict(list)
    counts, seen = collections.defaultdict(list), {}
    for index, (name, found) in enumerate(zip(source.videos, looks)):
        if isinstance(found, Exception):
            broken[name] = str(found)
            continue
        if found.short:
            short[name] = found.short
        prints[found.fingerprint].append(index)
        if found.health is not None:
            seen[index] = found.health
        for modality, count in found.counts.items():
            counts[modality].append(count)
    identical = [
        same
        for candidates in prints.values()
        if len(candidates) > 1
        for same in _confirm(opened, modalities, candidates)
    ]
    classes = imbalance.counts(catalog, range(len(catalog.labels)))
    return Inspection(
        directory=str(catalog.root),
        kind=kind,
        classes=classes,
        num_videos=len(catalog.videos),
        splits={
            key: Part(*map(len, split)) for key, split in catalog.splits.items()
        },
        images={
            modality: Counts(min(found), statistics.median(found), max(found))
            for modality, found in counts.items()
        },
        problems=(
            *catalog.problems,
            *imbalance.remarks(
                classes,
                "videos",
                imbalance.remedy(label_sets.are_sets(catalog.labels)),
            ),
        ),
        missing=catalog.missing,
        short=short,
        broken=broken | _not_prepared(kind, catalog),
        identical=tuple(
            tuple(source.videos[i] for i in same) for same in identical
        ),
        leaks=tuple(_find_leaks(catalog, identical)),
        understood=catalog.understood,
        validation={k: len(part) for k, part in catalog.validation.items()},
        alike=catalog.alike,
        damaged={
            source.videos[index]: lost
            for index, lost in healths.damaged(source, seen).items()
        },
        remarks=(
            *healths.remarks(source, seen, source.stored_as),
            *_first_alone(opened, spec),
        ),
        healths={source.files[i]: health for i, health in seen.items()},
        made=(source.how_made() if kind == "prepared" else None) or {},
    )


def _look_at_all(opened, modalities, spec, verbose):
    """Returns a list with a `_Look` for each video, or the error if it cannot
    be read."""

    def look(index):
        try:
            return _look(opened, index, modalities, spec)
        except (VideoError, OSError) as error:
            return error

    indices = range(len(opened.source.videos))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        try:
            return list(
                tqdm.tqdm(
                    threads.map(look, indices),
                    total=len(indices),
                    unit="video",
                    disable=not verbose,
                )
            )
        finally:
            # Counting frames takes long, so counts are saved also if the
            # inspection is interrupted.
            opened.source.save()


class _Look(typing.NamedTuple):
    """The result for one video.

    Args:
        counts: dict from modality to the number of images.
        short: str. Why the video is short, or `""`.
        fingerprint: tuple. Equal for all videos that may be identical.
        health: `None`, or `Health` of its file.
    """

    counts: dict
    short: str
    fingerprint: tuple
    health: Health | None


def _stored(kind, source):
    """The modalities that are checked: those that are stored. The flow of video
    files, and differences always, are computed from frames."""
    if kind == "videos":
        return ("rgb",)
    return tuple(m for m in source.modalities if m != "rgb_diff")


def _look(opened, index, modalities, spec):
    kind, source, _ = opened
    counts = {m: source.num_frames(index, m) for m in modalities}
    if kind == "videos":
        size = _path(opened, index).stat().st_size
        fingerprint = size, counts["rgb"], opened.catalog.segments[index]
    else:
        digest = hashlib.sha256()
        for modality, count in counts.items():
            if kind == "frames":
                _check_files(source, index, modality, count)
            some = sorted({0, count // 2, count - 1})
            digest.update(source.read(index, modality, some))
        fingerprint = (*counts.values(), digest.hexdigest())
    short = _why_short(source, index, spec)
    return _Look(counts, short, fingerprint, source.health(index))


def _check_files(source, index, modality, count):
    """Raises a `VideoError` if a file in a frame folder is empty."""
    for paths in source.paths(index, modality, range(count)):
        for path in paths:
            if not os.path.getsize(path):
                raise VideoError(path, "it is empty. Replace it.")


def _why_short(source, index, spec) -> str:
    """Why a video is too short for a `ClipSpec`, or `""`."""
    for modality in spec.modalities:
        if modality in source.modalities:
            count = source.num_frames(index, modality)
            # With this number every segment can have a start of its own.
            needed = spec.num_segments + spec.num_images(modality) - 1
            if count < needed:
                return f"{count} images of {modality}, {needed} are needed"
    return ""


def _first_alone(opened, spec):
    """Yields a warning if training clips of some videos would consist of their
    first images only."""
    _, source, catalog = opened
    train = catalog.splits[min(catalog.splits, key=str)].train
    if {*spec.modalities} <= {*source.modalities}:
        line = short_videos.remark(source, train, spec)
        if line:
            yield line


def _confirm(opened, modalities, candidates):
    """Returns lists of the indices of identical videos among `candidates`,
    which have the same fingerprint."""
    kind, source, _ = opened
    contents = collections.defaultdict(list)
    for index in candidates:
        # Unreadable videos were reported before, unless they changed just now.
        with contextlib.suppress(VideoError, OSError):
            if kind == "videos":
                content = _hash_file(_path(opened, index))
            else:
                content = _hash_images(source, index, modalities)
            contents[content].append(index)
    return [same for same in contents.values() if len(same) > 1]


def _path(opened: Opened, index: int):
    """The path of the file of a video."""
    catalog = opened.catalog
    return storage.below(catalog.root, catalog.files[index])


def _hash_file(path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _hash_images(source, index, modalities):
    """A hash of some images of each modality of a video, at equal distances."""
    digest = hashlib.sha256()
    for modality in modalities:
        last = source.num_frames(index, modality) - 1
        chosen = np.linspace(0, last, _IMAGES_COMPARED).round().astype(int)
        for image in np.unique(chosen):
            digest.update(source.read(index, modality, [image]))
    return digest.digest()


def _not_prepared(kind, catalog) -> dict[str, str]:
    """The videos that could not be prepared, with the reasons."""
    if kind != "prepared":
        return {}
    failed = prepared_dataset.read_failed(catalog.root)
    return {name: f"not prepared: {why}" for name, why in failed.items()}


def _find_leaks(catalog, identical):
    """Yields the `Leak`s of a catalog, with lists of indices of identical
    videos."""
    by_group = collections.defaultdict(list)
    for index, group in enumerate(catalog.groups):
        by_group[group].append(index)
    for key, split in catalog.splits.items():
        train, test = set(split.train), set(split.test)
        for reason, sets in (
            ("content", identical),
            ("group", by_group.values()),
        ):
            for same in sets:
                trained = [i for i in same if i in train]
                tested = [i for i in same if i in test]
                if trained and tested:
                    yield Leak(
                        key,
                        reason,
                        catalog.videos[trained[0]],
                        catalog.videos[tested[0]],
                    )
