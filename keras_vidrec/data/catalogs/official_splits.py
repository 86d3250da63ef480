"""Reads the official split files of UCF101 and HMDB51."""

import pathlib
import re
import typing

from keras_vidrec.data.catalogs import list_table
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import check_disjoint
from keras_vidrec.data.catalogs.split import doubles
from keras_vidrec.data.catalogs.split import refuse_any

# The number of clips in the training and test part of each split.
UCF101_COUNTS = {1: (9537, 3783), 2: (9586, 3734), 3: (9624, 3696)}
HMDB51_COUNTS = {1: (3570, 1530), 2: (3570, 1530), 3: (3570, 1530)}

_UCF101_LIST = re.compile(r"(train|test)list(\d+)\.txt")
_UCF101_LINE = re.compile(r"(.*?\S)(?:\s+(\d+))?")
_HMDB51_LIST = re.compile(r"(.+)_test_split(\d+)\.txt")
_GROUP = re.compile(r"_g(\d+)_")


class OfficialSplits(typing.NamedTuple):
    """The content of a directory of split files.

    Args:
        clips: tuple of str, `class/file`.
        labels: tuple of int. The class index of each clip.
        groups: tuple of str, `class/group`. The group of each clip.
        classes: tuple of str. Class names by class index.
        splits: dict from the number of each split to a `Split` of indices into
            `clips`.
        problems: tuple of str. Messages about differences from the published
            numbers of clips.
    """

    clips: tuple
    labels: tuple
    groups: tuple
    classes: tuple
    splits: dict
    problems: tuple


def find_kind(directory) -> str | None:
    """The dataset whose split files are in a directory: `"ucf101"`, `"hmdb51"`
    or `None`.
    """
    names = [path.name for path in pathlib.Path(directory).glob("*.txt")]
    if any(_UCF101_LIST.fullmatch(name) for name in names):
        return "ucf101"
    if any(_HMDB51_LIST.fullmatch(name) for name in names):
        return "hmdb51"
    return None


def find(root, layout, splits):
    """Finds the directory of the split files of a dataset.

    Args:
        root: `pathlib.Path`. Directory of the dataset. It and the folders
            directly below it are searched if `splits` is `None`.
        layout: str. `"ucf101"` or `"hmdb51"`, or `"auto"` for either of them.
        splits: `None`, or `pathlib.Path` of the directory.

    Returns:
        dict from the directory to its kind; empty if there is none and
        `layout="auto"` without `splits`.

    Raises:
        ValueError: if there are several, or none although one was requested.
    """
    if splits is not None:
        directories = [splits]
    else:
        below = sorted(path for path in root.iterdir() if path.is_dir())
        directories = [root, *below]
    kinds = {path: find_kind(path) for path in directories}
    kinds = {
        path: kind
        for path, kind in kinds.items()
        if kind and layout in ("auto", kind)
    }
    if len(kinds) > 1:
        raise ValueError(
            "Several directories have split files. Expected one, or its path "
            f"as `splits`. Received: {sorted(map(str, kinds))}"
        )
    if not kinds and (splits is not None or layout != "auto"):
        raise ValueError(
            "Found no split files. Expected trainlist01.txt and so on "
            "(ucf101) or <class>_test_split1.txt and so on (hmdb51). "
            f"Received: layout={layout!r}, directory "
            f"{str(splits if splits is not None else root)!r}"
        )
    return kinds


def has_group(clip: str) -> bool:
    """Whether the name of a clip contains a group like UCF101's, `_g01_`."""
    return bool(_GROUP.search(pathlib.PurePosixPath(clip).name))


def ucf101_group(clip: str) -> str:
    """The group of a clip named like UCF101's, `class/v_Class_g01_c01.avi`.

    Clips of one group are cut from one video. A clip with another name is a
    group of its own: its path without the extension.
    """
    found = _GROUP.search(pathlib.PurePosixPath(clip).name)
    if found:
        return f"{clip.split('/')[0]}/g{found[1]}"
    return str(pathlib.PurePosixPath(clip).with_suffix(""))


def ucf101(directory):
    """Reads split files in the form of UCF101's into `OfficialSplits`.

    `classInd.txt` numbers the classes (`1 ApplyEyeMakeup`), `trainlist01.txt`
    has the clips with the number of their class (`Class/file.avi 1`), and
    `testlist01.txt` without it. If there are 101 classes, the numbers of clips
    are compared with the published ones.

    Raises:
        ValueError: if a file is missing, a class or a number unknown, a clip
            listed twice, or a clip or group in both parts of a split.
    """
    directory = pathlib.Path(directory)
    classes = read_classes(directory / "classInd.txt")
    numbers = sorted(
        {
            found[2]
            for path in directory.glob("*.txt")
            if (found := _UCF101_LIST.fullmatch(path.name))
        }
    )
    if not numbers:
        raise ValueError(
            "Found no split files. Expected trainlist01.txt and "
            f"testlist01.txt. Received: {str(directory)!r}"
        )
    # The index of each clip by its name, in the order of first occurrence.
    places = {}
    splits = {}
    for number in numbers:
        parts = []
        for part in ("train", "test"):
            path = directory / f"{part}list{number}.txt"
            clips = _read_ucf101_list(path, classes)
            parts.append(
                tuple(places.setdefault(clip, len(places)) for clip in clips)
            )
        splits[int(number)] = Split(*parts)
    clips = tuple(places)
    groups = tuple(ucf101_group(clip) for clip in clips)
    check_disjoint(splits, clips, groups)
    problems = ()
    if len(classes) == 101:
        problems = _compare_counts(splits, UCF101_COUNTS)
    labels = tuple(classes.index(clip.split("/")[0]) for clip in clips)
    return OfficialSplits(clips, labels, groups, classes, splits, problems)


def hmdb51(directory):
    """Reads split files in the form of HMDB51's into `OfficialSplits`.

    `wave_test_split1.txt` has the clips of one class with 1 (training), 2
    (test) or 0 (not used in this split). Classes are in the order of
    `class_list.txt` if it exists, as in the TSN authors' files, else in
    alphabetical order. A clip's group is the part of its name before
    `_<class>_`, the film from which it is cut; within each class the official
    splits keep groups whole. If there are 51 classes, the numbers of clips are
    compared with the published ones.

    Raises:
        ValueError: if no file is found, a line cannot be read, a clip is
            listed twice, or `class_list.txt` has other classes.
    """
    directory = pathlib.Path(directory)
    lists = sorted(
        (int(found[2]), found[1], path)
        for path in directory.glob("*.txt")
        if (found := _HMDB51_LIST.fullmatch(path.name))
    )
    if not lists:
        raise ValueError(
            "Found no split files. Expected <class>_test_split1.txt. "
            f"Received: {str(directory)!r}"
        )
    classes = _hmdb51_classes(directory, sorted({name for _, name, _ in lists}))
    parts = {number: ([], [], []) for number, _, _ in lists}
    places = {}
    for number, name, path in lists:
        for clip, part in _read_hmdb51_list(path):
            place = places.setdefault(f"{name}/{clip}", len(places))
            parts[number][part].append(place)
    clips = tuple(places)
    splits = {
        number: Split(tuple(train), tuple(test))
        for number, (_, train, test) in parts.items()
    }
    problems = ()
    if len(classes) == 51:
        problems = _compare_counts(splits, HMDB51_COUNTS)
    labels = tuple(classes.index(clip.split("/")[0]) for clip in clips)
    groups = tuple(_hmdb51_group(clip) for clip in clips)
    return OfficialSplits(clips, labels, groups, classes, splits, problems)


def read_classes(path):
    """Reads the names of `classInd.txt`, lines `1 ApplyEyeMakeup`, in the order
    of the numbers.

    Raises:
        ValueError: if the file is missing, the numbers are not 1 to the number
            of lines, or a name occurs twice.
    """
    lines = _read_lines(path)
    fields = [line.split(maxsplit=1) for line in lines]
    wrong = [
        line
        for line, field in zip(lines, fields)
        if len(field) != 2 or not field[0].isdecimal() or len(field[0]) > 9
    ]
    _check(path, "lines `number class`", wrong)
    fields = sorted((int(number), name) for number, name in fields)
    numbers = [number for number, _ in fields]
    _check(
        path,
        f"the numbers 1 to {len(fields)}",
        sorted(set(numbers) ^ set(range(1, len(fields) + 1))),
    )
    classes = tuple(name for _, name in fields)
    _check(path, "every class once", doubles(classes))
    return classes


def _read_lines(path: pathlib.Path) -> list[str]:
    if not path.is_file():
        raise ValueError(
            f"A split file is missing. Expected {path.name} next to the "
            f"others. Received: {str(path.parent)!r}"
        )
    # Class names may be in any language; some copies begin with a byte order
    # mark.
    text = list_table.read_text(path)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _check(path: pathlib.Path, expected: str, wrong_lines) -> None:
    """Raises a `ValueError` about a split file if there are wrong lines."""
    problem = f"Cannot read the split file {path.name}"
    refuse_any(wrong_lines, problem, expected)


def _read_ucf101_list(path, classes):
    numbers = {name: str(i) for i, name in enumerate(classes, start=1)}
    lines = _read_lines(path)
    clips, unknown, contradictory = [], [], []
    for line in lines:
        clip, number = _UCF101_LINE.fullmatch(line).groups()
        name, slash, _ = clip.partition("/")
        if not slash or name not in numbers:
            unknown.append(line)
        elif number not in (None, numbers[name]):
            contradictory.append(line)
        clips.append(clip)
    _check(path, "lines `class/file`, classes as in classInd.txt", unknown)
    _check(path, "the numbers of classInd.txt", contradictory)
    _check(path, "every clip once", doubles(clips))
    return clips


def _read_hmdb51_list(path: pathlib.Path) -> list[tuple[str, int]]:
    lines = _read_lines(path)
    wrong = [line for line in lines if not re.fullmatch(r".*\S\s+[012]", line)]
    _check(path, "lines `file part` with part 0, 1 or 2", wrong)
    fields = [line.rsplit(maxsplit=1) for line in lines]
    _check(path, "every clip once", doubles([clip for clip, _ in fields]))
    return [(clip, int(part)) for clip, part in fields]


def _hmdb51_classes(
    directory: pathlib.Path, names: list[str]
) -> tuple[str, ...]:
    path = directory / "class_list.txt"
    if not path.exists():
        return tuple(names)
    classes = _read_lines(path)
    wrong = sorted(set(classes) ^ set(names)) + doubles(classes)
    _check(path, "each class that has split files once", wrong)
    return tuple(classes)


def _hmdb51_group(clip: str) -> str:
    name, _, file = clip.partition("/")
    film, mark, _ = file.rpartition(f"_{name}_")
    if mark:
        return f"{name}/{film}"
    return str(pathlib.PurePosixPath(clip).with_suffix(""))


def _compare_counts(splits, published):
    problems = []
    for number, split in splits.items():
        counts = (len(split.train), len(split.test))
        if counts != published.get(number):
            problems.append(
                f"Split {number} lists {counts[0]} training and {counts[1]} "
                f"test clips, the published one {published.get(number)}."
            )
    return tuple(problems)
