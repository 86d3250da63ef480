"""The videos of a task: finds those that can be used and their problems, and
divides them into training, validation and test."""

import collections
import dataclasses
import pathlib
import re
import statistics
import sys

from keras_vidrec.data import imbalance
from keras_vidrec.data import inspection
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs import frame_tree
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import split_groups
from keras_vidrec.data.opening import Opened
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.learning.task import Task
from keras_vidrec.specs.checks import counted
from keras_vidrec.training import notes

# Shares of the clips of each class; that of validation is one of the rest.
_TEST = 0.25
_VALIDATION = 0.25
# The number of groups of a class that gives one to each part.
_PARTS = 3
# The least ratio between the numbers of clips of two classes for a remark.
_UNEVEN = 5
_MORE = (
    "More clips of rare classes help most; `vidrec train` can give them "
    "more weight (data.sampling, loss.class_weights)."
)
# The largest number of names in a line.
_NAMED = 4
# Words in names of classes whose videos belong to another class when mirrored.
_SIDES = frozenset({"left", "right", "clockwise", "counterclockwise"})
# The advice on settings in remarks about files.
_SETTINGS = re.compile(r" \(`\w+` [^)]*\)| `fps` samples frames at one rate\.")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


@dataclasses.dataclass(frozen=True)
class Material:
    """The videos of a task and their parts.

    Attributes:
        catalog: `Catalog` of the videos that can be used.
        train, validation, test: tuples of int, indices into its videos. The
            last two are empty if there are too few videos.
        flip: bool. Whether mirrored videos are of the same class.
        remarks: tuple of str. Problems, and their consequences.
        kinds: dict from the name of a class to its number of clips and of
            groups, in all parts: `(clips, groups)`.
        shortest: int. Frames of the shortest video that can be read. Defaults
            to `sys.maxsize`.
    """

    catalog: Catalog
    train: tuple
    validation: tuple
    test: tuple
    flip: bool
    remarks: tuple
    kinds: dict
    shortest: int = sys.maxsize

    @property
    def learned_from(self):
        """The training and validation videos: sorted tuple of int."""
        return tuple(sorted((*self.train, *self.validation)))

    @property
    def typical(self):
        """The median of the numbers of training clips of the classes."""
        labels = [self.catalog.labels[i] for i in self.train]
        counts = collections.Counter(labels)
        return statistics.median(
            counts[label] for label in range(len(self.catalog.classes))
        )


def look(task, verbose=True, begun=None) -> Material:
    """Inspects all videos of a `Task` and divides them into parts.

    Args:
        task: `Task`.
        verbose: bool. Whether to show progress bars. Defaults to `True`.
        begun: `None`, or path of the list of videos and their parts with which
            the task was started. Defaults to `None`.

    Returns:
        `Material`.

    Raises:
        ValueError: if there are no videos of at least two classes, or videos
            have several labels.
    """
    _refuse_others(task)
    if begun is not None:
        catalog = catalogs.from_list(begun, task.videos)
        catalog = dataclasses.replace(catalog, understood="")
    else:
        catalog = catalogs.discover(
            task.videos,
            layout=task.layout,
            videos_list=task.list,
            splits=task.splits,
            test_fraction=_TEST,
            seed=task.seed,
        )
    if label_sets.are_sets(catalog.labels):
        raise ValueError(
            "Expected videos with one label each; use `vidrec train` for "
            f"several labels per video. Received: {task.videos}: "
            f"{catalog.understood}"
        )
    opened = Opened("videos", VideoFiles(catalog), catalog)
    found = inspection.inspect(opened, verbose=verbose)
    usable = [i for i, v in enumerate(catalog.videos) if v not in found.broken]
    remarks = [catalog.understood] if catalog.understood else []
    # `_parts` reports classes that are missing in a part.
    told = (line for line in catalog.problems if " clips in split " not in line)
    remarks += told
    if found.broken:
        remarks.append(
            f"Videos that cannot be read are left out: {_some(found.broken)}."
        )
    remarks += _in_two_classes(catalog, found.identical)
    key = min(catalog.splits, key=str)
    split = catalog.splits[key]
    # If the split equals this one, it was made by `discover`, not by the user.
    by_chance = split_groups(catalog.labels, catalog.groups, _TEST, task.seed)
    is_named = begun is not None or split != by_chance
    listed = catalog.validation.get(key, ())
    catalog = only(catalog, usable, split, listed)
    _check_classes(catalog, task)
    parts, told = _parts(catalog, is_named, task.seed)
    kinds = _kinds(catalog)
    flip = not (notes.mirrored_classes(catalog.classes) or _name_sides(catalog))
    if not flip:
        remarks.append(
            "Class names distinguish left and right: clips are not mirrored."
        )
    remarks += [*_uneven(kinds), *told, *_without_settings(found.remarks)]
    shortest = found.images["rgb"].least
    train, validation, test = parts
    return Material(
        catalog,
        train,
        validation,
        test,
        flip,
        tuple(remarks),
        kinds,
        shortest,
    )


def _name_sides(catalog):
    """Whether the name of any class contains a word for a side."""
    return any(
        _SIDES & {word.lower() for word in _WORDS.findall(name)}
        for name in catalog.classes
    )


def _without_settings(remarks):
    """Yields remarks about files without advice on settings that only other
    commands have."""
    for remark in remarks:
        # Learning sets the sampling itself, see `Workplace.recipe`.
        if "clip.sampling" not in remark:
            yield _SETTINGS.sub("", remark)


def _refuse_others(task: Task) -> None:
    """Raises a `ValueError` if the dataset does not consist of video files."""
    expected = (
        "Expected a directory of videos, one folder per class, or one with "
        f"a list. Received: {task.videos}, "
    )
    root = pathlib.Path(task.videos)
    if prepared_dataset.is_prepared(root):
        raise ValueError(expected + "a prepared dataset")
    if not video_tree.find_videos(root) and frame_tree.find(root):
        raise ValueError(expected + "which contains folders of frames")


def _in_two_classes(catalog, identical):
    """Yields a remark about identical videos in different classes."""
    label_of = dict(zip(catalog.videos, catalog.labels))
    both = [
        " = ".join(same)
        for same in identical
        if len({label_of[name] for name in same}) > 1
    ]
    if both:
        yield (
            "The same video is in two classes, one of which is wrong: "
            f"{_some(both)}."
        )


def only(catalog, kept, split, validation=()):
    """Returns a catalog with some of the videos of another one, and one split.

    Args:
        catalog: `Catalog`.
        kept: sequence of int. The videos.
        split: `Split` of indices into `catalog`; those not kept are left out.
        validation: sequence of int. The validation part, as in `split`.
            Defaults to none.
    """
    places = {old: new for new, old in enumerate(kept)}

    def moved(part):
        return tuple(places[i] for i in part if i in places)

    def chosen(values):
        return tuple(values[i] for i in kept)

    return dataclasses.replace(
        catalog,
        videos=chosen(catalog.videos),
        labels=chosen(catalog.labels),
        groups=chosen(catalog.groups),
        files=chosen(catalog.files),
        segments=chosen(catalog.segments),
        splits={1: Split(*map(moved, split))},
        validation={1: moved(validation)},
    )


def _check_classes(catalog: Catalog, task: Task) -> None:
    present = set(catalog.labels)
    if len(present) < 2:
        names = [catalog.classes[label] for label in sorted(present)]
        raise ValueError(
            "Expected videos of at least two classes that can be read. "
            f"Received: {task.videos}, with "
            f"{counted(len(catalog.videos), 'video')} of "
            f"{' and '.join(map(repr, names)) or 'none'}"
        )


def _parts(catalog, is_named, seed):
    """Returns the parts `(train, validation, test)` and a list of remarks.

    `is_named` says whether the user has given a split."""
    labels, groups = catalog.labels, catalog.groups
    train, test = catalog.splits[1]
    validation = catalog.validation[1]
    remarks = []
    if not is_named:
        train, test = split_groups(labels, groups, _TEST, seed)
        kinds = _kinds(catalog).values()
        enough = sum(count >= _PARTS for _, count in kinds)
        if 2 * enough < len(kinds):
            train, test = tuple(range(len(labels))), ()
            remarks.append(
                "Most classes have fewer than three recordings: no clip is "
                "held out for a test, and all are used for training."
            )
    if not validation and train:
        own = [labels[i] for i in train], [groups[i] for i in train]
        kept, out = split_groups(*own, _VALIDATION, seed)
        validation = tuple(train[i] for i in out)
        train = tuple(train[i] for i in kept)
    remarks += _missing_in(catalog, train + validation, test)
    return (train, validation, test), remarks


def _missing_in(catalog, learned, test):
    """Yields remarks about classes without training clips or test clips."""
    known = {catalog.labels[i] for i in learned}
    tested = {catalog.labels[i] for i in test}
    present = sorted(set(catalog.labels))
    unknown = [catalog.classes[i] for i in present if i not in known]
    if unknown:
        yield (
            "Classes without a training clip, which cannot be recognized: "
            f"{_some(unknown)}."
        )
    untested = [catalog.classes[i] for i in present if i not in tested]
    if test and untested:
        yield (
            "Classes with a single recording, or too few, are trained but "
            f"not tested: {_some(untested)}."
        )


def _kinds(catalog: Catalog) -> dict[str, tuple[int, int]]:
    """Counts the clips and groups of each class, see `Material`."""
    counts = collections.Counter(catalog.labels)
    recordings = collections.defaultdict(set)
    for label, group in zip(catalog.labels, catalog.groups):
        recordings[label].add(group)
    return {
        catalog.classes[label]: (counts[label], len(recordings[label]))
        for label in sorted(counts)
    }


def _uneven(kinds):
    """Yields remarks about classes with few clips or recordings."""
    single = [name for name, (clips, _) in kinds.items() if clips == 1]
    if single:
        yield (
            "Classes with a single clip, which are recognized only by "
            f"similarity to it: {_some(single)}."
        )
    one = [n for n, (clips, groups) in kinds.items() if clips > 1 == groups]
    if one:
        yield (
            "Classes whose clips are all from one recording, so that the "
            f"place may be recognized instead of the action: {_some(one)}."
        )
    clips = {name: count for name, (count, _) in kinds.items()}
    most, least = max(clips.values()), min(clips.values())
    much = imbalance.remarks(clips, "clips", _MORE)
    yield from much
    if not much and most >= _UNEVEN * least:
        rare = [
            name for name, count in clips.items() if _UNEVEN * count <= most
        ]
        yield (
            f"Classes with few clips, while others have {most}; they will be "
            f"recognized less often: {_some(rare)}."
        )


def _some(names) -> str:
    """The first few names, and the number of the others."""
    names = list(names)
    more = len(names) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(map(str, names[:_NAMED])) + rest
