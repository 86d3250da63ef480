"""Catalogs: the clips of a dataset with their labels, groups and splits."""

import collections.abc
import dataclasses
import os
import pathlib

from keras_vidrec.data.catalogs import class_folders
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.catalogs import likeness
from keras_vidrec.data.catalogs import official_splits
from keras_vidrec.data.catalogs import parts as part_names
from keras_vidrec.data.catalogs import video_list
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import check_disjoint
from keras_vidrec.data.catalogs.split import doubles
from keras_vidrec.data.catalogs.split import find_empty_classes
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.catalogs.split import refuse_any
from keras_vidrec.data.catalogs.split import split_groups
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import checks
from keras_vidrec.specs.checks import counted

LAYOUTS = ("auto", "ucf101", "hmdb51", "folder", "list")


@dataclasses.dataclass(frozen=True)
class Catalog:
    """The clips of a dataset, with labels, groups and splits.

    Args:
        root: `pathlib.Path`. Directory of the dataset.
        videos: tuple of str. Path of each clip below `root`, with `/`, unique.
        labels: tuple of int, the class index of each clip; or, if clips have
            several labels, tuple of tuples of int (`label_sets`).
        groups: tuple of str. Clips of one group (cut from one video, or of one
            person) belong in the same part of a split.
        classes: tuple of str. Class names by class index.
        splits: dict of int or str to `Split`. Parts as indices into `videos`.
        problems: tuple of str. Warnings for the user: missing and superfluous
            files, classes without clips. Defaults to `()`.
        missing: tuple of str. Listed clips without a file, which were left
            out. Defaults to `()`.
        files: tuple of str. The file of each clip, a path below `root`; several
            clips may be segments of one file. Defaults to `videos`.
        segments: tuple. For each clip `None` (the whole file), or
            `(start, end, unit)` with the unit `"seconds"` or `"frames"`. The
            end is exclusive; `None` is the end of the file. Defaults to whole
            files.
        validation: dict from keys of `splits` to tuples of int: the validation
            parts that the dataset itself defines, as indices into `videos`.
            Defaults to `{}`.
        alike: tuple of tuples of str. Files that are identical or look like
            cuts of one recording, which an automatic split therefore keeps in
            the same part. Defaults to `()`.
        understood: str. One line about how the layout or the list was
            understood, if that is not obvious. Defaults to `""`.

    Raises:
        ValueError: if the lengths differ, a video occurs twice, a label or an
            index does not exist, or a video is in several parts of a split.
    """

    root: pathlib.Path
    videos: tuple
    labels: tuple
    groups: tuple
    classes: tuple
    splits: dict
    problems: tuple = ()
    missing: tuple = ()
    files: tuple = None  # type: ignore[assignment] # set below
    segments: tuple = None  # type: ignore[assignment]
    validation: dict = dataclasses.field(default_factory=dict)
    alike: tuple = ()
    understood: str = ""

    def __post_init__(self):
        if self.files is None:
            object.__setattr__(self, "files", self.videos)
        if self.segments is None:
            whole = (None,) * len(self.videos)
            object.__setattr__(self, "segments", whole)
        lengths = (len(self.videos), len(self.labels), len(self.groups))
        if len({*lengths, len(self.files), len(self.segments)}) != 1:
            raise ValueError(
                "Invalid catalog. Expected a label and a group (and a file "
                "and a segment) for each video. "
                f"Received: (videos, labels, groups)={lengths}"
            )
        refuse_any(
            doubles(self.videos), "A video occurs twice", "each video once"
        )
        refuse_any(
            label_sets.unknown(self.labels, len(self.classes)),
            "Unknown label",
            f"labels from 0 to {len(self.classes) - 1}",
        )
        for key, split in self.splits.items():
            refuse_any(
                [
                    i
                    for part in (*split, self.validation.get(key, ()))
                    for i in part
                    if not 0 <= i < len(self.videos)
                ],
                "Unknown video in a split",
                f"indices from 0 to {len(self.videos) - 1}",
            )
        check_disjoint(self.splits, self.videos)
        for key, validation in self.validation.items():
            train, test = self.splits[key]
            both = {*train, *test}.intersection(validation)
            refuse_any(
                [self.videos[i] for i in sorted(both)],
                f"The validation part of split {key} shares videos with others",
                "each video in one part",
            )


def discover(
    root: str | os.PathLike[str] | None,
    *,
    layout: str = "auto",
    videos_list: str | os.PathLike[str] | None = None,
    splits: str | os.PathLike[str] | None = None,
    test_fraction: float = 0.25,
    seed: int = 0,
    clips: collections.abc.Sequence[str] | None = None,
) -> Catalog:
    """Reads a dataset in the first of three layouts that applies.

    1. `videos_list` is given: `from_list`.
    2. There are split files in the form of UCF101 or HMDB51, in `splits`, in
       `root`, or in a folder directly below it: `ucf101` or `hmdb51`.
    3. Otherwise one folder for each class: `folder`.

    Args:
        root: path. Directory of the dataset. `None` with `videos_list` means
            the directory of the list.
        layout: str. `"auto"` chooses as above; `"list"`, `"ucf101"`,
            `"hmdb51"` or `"folder"` accepts only that layout. Defaults to
            `"auto"`.
        videos_list: `None`, or path of a list. Defaults to `None`.
        splits: `None`, or path of a directory of split files. Defaults to
            `None`.
        test_fraction: float between 0 and 1. Share of the clips for the test if
            the dataset has no splits of its own. Defaults to `0.25`.
        seed: int. Seed of that split. Defaults to `0`.
        clips: `None` (the video files below `root`), or sequence of str: the
            paths below `root` of clips that are not video files, such as
            folders of frames. Defaults to `None`.

    Returns:
        `Catalog`.

    Raises:
        ValueError: if no layout fits or several do, the arguments contradict
            each other, or the dataset is faulty.
    """
    checks.choice("layout", layout, LAYOUTS)
    contradictory = (
        (videos_list is not None and layout not in ("auto", "list"))
        or (videos_list is None and layout == "list")
        or (splits is not None and layout in ("folder", "list"))
        or (splits is not None and videos_list is not None)
    )
    if contradictory:
        raise ValueError(
            "Conflicting arguments. Expected `videos_list` for the layout "
            "list, `splits` for ucf101 or hmdb51, neither for folder. "
            f"Received: layout={layout!r}, videos_list={videos_list!r}, "
            f"splits={splits!r}"
        )
    if videos_list is not None:
        return from_list(
            videos_list,
            root,
            test_fraction=test_fraction,
            seed=seed,
            clips=clips,
        )
    root = _directory("root", root)
    kinds = {}
    if layout != "folder":
        given = None if splits is None else _directory("splits", splits)
        kinds = official_splits.find(root, layout, given)
    for path, kind in kinds.items():
        return {"ucf101": ucf101, "hmdb51": hmdb51}[kind](root, path, clips)
    return folder(root, test_fraction=test_fraction, seed=seed, clips=clips)


def ucf101(
    videos: str | os.PathLike[str],
    splits: str | os.PathLike[str],
    clips: collections.abc.Sequence[str] | None = None,
) -> Catalog:
    """Makes the catalog of a dataset with split files in the form of UCF101's.

    The videos are in class folders or all in one folder, at any depth, in any
    container (`v_Archery_g01_c01.mp4` is found for `.avi`). Groups are the
    `g01` of the names, within a class. Classes may be other than UCF101's.

    Args:
        videos: path. Directory of the videos.
        splits: path. Directory of `classInd.txt`, `trainlist01.txt`,
            `testlist01.txt` and so on.
        clips: as in `discover`. Defaults to `None`.

    Returns:
        `Catalog` with a split for each number of the lists, such as 1, 2, 3.
        Clips without a file are left out and mentioned in `problems`.

    Raises:
        ValueError: if no clip has a file, or the split files are faulty (see
            `official_splits.ucf101`).
    """
    splits = _directory("splits", splits)
    return _with_files(videos, official_splits.ucf101(splits), clips)


def hmdb51(
    videos: str | os.PathLike[str],
    splits: str | os.PathLike[str],
    clips: collections.abc.Sequence[str] | None = None,
) -> Catalog:
    """Makes the catalog of a dataset with split files in the form of HMDB51's.

    Videos are found as by `ucf101`. Groups are the films from which clips are
    cut. Clips that a split does not use are in neither of its parts.

    Args:
        videos, clips: as for `ucf101`.
        splits: path. Directory of `<class>_test_split1.txt` and so on.

    Returns:
        `Catalog` with a split for each number of the lists, such as 1, 2, 3.

    Raises:
        ValueError: if no clip has a file, or the split files are faulty (see
            `official_splits.hmdb51`).
    """
    splits = _directory("splits", splits)
    return _with_files(videos, official_splits.hmdb51(splits), clips)


def folder(
    root: str | os.PathLike[str],
    *,
    test_fraction: float = 0.25,
    seed: int = 0,
    clips: collections.abc.Sequence[str] | None = None,
) -> Catalog:
    """Makes the catalog of a dataset with one folder for each class,
    `root/<class>/.../<video>`, which may be in folders of parts,
    `root/train/<class>/<video>` (see `class_folders`).

    Classes are in alphabetical order. Groups are read from names like those of
    UCF101 (`_g01_`); any other video is a group of its own. Hidden files and
    folders are skipped.

    Args:
        root: path. Directory of the dataset.
        test_fraction, seed, clips: as in `discover`.

    Returns:
        `Catalog` with split 1.

    Raises:
        ValueError: if there is no video in a folder below `root`, there is
            only one class, folders named like parts are next to others, or two
            names refer to the same file.
    """
    root = _directory("root", root)
    found, problems = video_tree.named_clips(root, clips)
    sorted_clips = class_folders.sort(found)
    videos = sorted_clips.videos
    if not videos:
        raise ValueError(
            "Found no dataset. Expected one that `vidrec prepare` made, or "
            "videos, or folders of numbered frames, in one of three "
            "layouts: one folder per class (<root>/<class>/<video>), split "
            "files of UCF101 or HMDB51 next to the videos or in `splits`, "
            "or a list of videos (csv with the header path,label). "
            "Received: "
            + "; ".join(
                [
                    f"{str(root)!r} with {counted(len(found), 'video')} "
                    "outside folders",
                    *problems,
                ]
            )
        )
    video_tree.check_different(root, videos)
    classes = tuple(sorted(set(sorted_clips.names)))
    if sorted_clips.loose:
        problems.append(
            "Videos outside of class folders, left out: "
            f"{first_of(sorted_clips.loose)}."
        )
    home = root / sorted_clips.home
    empty = sorted(
        path.name
        for path in home.iterdir()
        if path.is_dir()
        and not path.name.startswith(".")
        and not any(
            video.startswith(f"{sorted_clips.home}{path.name}/")
            for video in videos
        )
        # In trees of flow and frames the class folders are deeper.
        and (root / videos[0]).exists()
    )
    if empty:
        problems.append(
            f"Folders without videos, which are not classes: {first_of(empty)}."
        )
    labels = tuple(classes.index(name) for name in sorted_clips.names)
    groups = tuple(
        official_splits.ucf101_group(
            f"{name}/{video.rpartition('/')[2]}"
            if official_splits.has_group(video)
            else video
        )
        for name, video in zip(sorted_clips.names, videos)
    )
    if sorted_clips.parts is not None:
        splits, validation = _of_parts(sorted_clips.parts)
        alike = ()
    else:
        groups, alike, more = _joined(root, videos, groups, labels, clips)
        problems += more
        splits = {1: split_groups(labels, groups, test_fraction, seed)}
        validation = {}
    problems += find_empty_classes(labels, classes, splits)
    return Catalog(
        root,
        videos,
        labels,
        groups,
        classes,
        splits,
        tuple(problems),
        validation=validation,
        alike=alike,
        understood=sorted_clips.understood,
    )


def from_list(
    csv_path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    test_fraction: float = 0.25,
    seed: int = 0,
    clips: collections.abc.Sequence[str] | None = None,
) -> Catalog:
    """Makes the catalog of a dataset that is described by a list, in one of
    many common formats: see `video_list` and the guide.

    Paths are those of videos below `root`. Labels are class names or class
    indices; a clip may have several. Class names are in the order of a file of
    class names beside the list, else in alphabetical order. A clip with an
    empty group is a group of its own. The column split has `train`, `val` or
    `test`; without it, and without lists of the other parts beside this one,
    each class is split by groups. A row may be a segment of its file.

    Args:
        csv_path: path of the list.
        root: `None`, or path of the dataset's directory. Defaults to `None`:
            the directory of the list.
        test_fraction, seed, clips: as in `discover`.

    Returns:
        `Catalog` with split 1. Listed clips without a file are left out and
        mentioned in `problems`.

    Raises:
        ValueError: if the list cannot be read, none of its clips exists, a path
            leads out of the directory, or a clip or a group is in several
            parts.
    """
    path = storage.as_path(csv_path)
    place = storage.as_path(path.parent if root is None else root)
    if isinstance(place, pathlib.Path):
        _directory("root", place)
    with checks.about(path):
        listed = video_list.read(path, place, clips)
    video_tree.check_different(place, dict.fromkeys(listed.files))
    labels, classes, groups = listed.labels, listed.classes, listed.groups
    problems = list(listed.problems)
    if listed.has_parts:
        splits, validation = _of_parts(listed.parts)
        alike = ()
    else:
        groups, alike, more = _joined(
            place, listed.files, groups, labels, clips
        )
        problems += more
        splits = {1: split_groups(labels, groups, test_fraction, seed)}
        validation = {}
    problems += find_empty_classes(labels, classes, splits)
    return Catalog(
        place,
        listed.videos,
        labels,
        groups,
        classes,
        splits,
        tuple(problems),
        listed.missing,
        validation=validation,
        files=listed.files,
        segments=listed.segments,
        alike=alike,
        understood=listed.understood,
    )


def _joined(root, names, groups, labels, clips):
    """Joins the groups of video files that look alike, for an automatic split.

    Returns:
        `(groups, alike, problems)`, see `likeness.Joined`.
    """
    if clips is not None:
        return groups, (), ()
    if isinstance(root, storage.RemotePath):
        problem = (
            "In an object store clips are not compared: the automatic split "
            "may separate clips that look alike."
        )
        return groups, (), (problem,)
    return likeness.join(root, names, groups, labels)


def _of_parts(parts):
    """Returns `(splits, validation)` of a `Catalog` from the part of each clip
    (a name or `None`) that a dataset itself defines."""
    indices = part_names.indices(parts)
    validation = indices["validation"]
    return (
        {1: Split(indices["train"], indices["test"])},
        {1: validation} if validation else {},
    )


def _directory(name, path) -> pathlib.Path:
    if path is None or not pathlib.Path(path).is_dir():
        received = None if path is None else str(path)
        raise checks.ArgumentError(name, "an existing directory", received)
    return pathlib.Path(path)


def _with_files(root, official, clips):
    """Returns the `Catalog` of those clips of `OfficialSplits` that have a
    file below `root`."""
    root = _directory("videos", root)
    found, odd = video_tree.named_clips(root, clips, brief=True)
    files = video_tree.match_clips(official.clips, found, official.classes)
    missing = [clip for clip, path in zip(official.clips, files) if not path]
    if len(missing) == len(files):
        raise ValueError(
            "No clip of the split files has a video. Expected names such as "
            f"{first_of(missing)} below the directory of videos. "
            f"Received: {str(root)!r} with {counted(len(found), 'video')}"
        )
    problems = [*official.problems, *odd]
    if missing:
        problems.append(
            f"{len(missing)} of {len(files)} clips of the split files have no "
            f"video and are left out: {first_of(missing)}."
        )
    extra = sorted(set(found).difference(files))
    if extra:
        problems.append(
            f"Videos that are not in the split files: {first_of(extra)}."
        )
    kept = [i for i, path in enumerate(files) if path]
    places = {old: new for new, old in enumerate(kept)}
    splits = {
        key: Split(
            *(tuple(places[i] for i in part if i in places) for part in split)
        )
        for key, split in official.splits.items()
    }
    labels = tuple(official.labels[i] for i in kept)
    problems += find_empty_classes(labels, official.classes, splits)
    return Catalog(
        root,
        tuple(files[i] for i in kept),
        labels,
        tuple(official.groups[i] for i in kept),
        official.classes,
        splits,
        tuple(problems),
        tuple(missing),
    )
