"""Lists of frame folders in the format of TSN: `path num_frames label`."""

import pathlib
import re
import typing

from keras_vidrec.data.catalogs import class_names
from keras_vidrec.data.catalogs import official_splits
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.parts import part_of
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import doubles
from keras_vidrec.data.catalogs.split import find_empty_classes
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.catalogs.split import refuse_any
from keras_vidrec.data.catalogs.split import split_groups

# Paths may contain spaces: the last two fields are the numbers.
_LINE = re.compile(r"(?P<path>\S|\S.*\S)\s+\d+\s+(?P<label>\d+)")
_PART = re.compile(
    r"(?:^|[_.-])(train|val|validation|test)(?:list)?(?=[\W\d_])"
)
_SPLIT = re.compile(r"(?:split_?|list)(\d+)")


class Row(typing.NamedTuple):
    """A line of a list: the absolute or relative path of a folder of frames,
    and a class index. The number of frames in the list is ignored, because the
    files in the folder are counted.
    """

    path: str
    label: int


def is_list(path) -> bool:
    """Whether the first line of a file is one of such a list."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return bool(_LINE.fullmatch(file.readline().strip()))
    except (OSError, UnicodeDecodeError):
        return False


def find_lists(directory):
    """Finds the lists in a directory by their names, such as
    `ucf101_rgb_train_split_1.txt` or `ucf101_val_split_1_rawframes.txt`.

    Returns:
        dict from the number of each split to a dict from its parts (`"train"`,
        `"test"`, `"validation"`) to lists of paths. If there is no list of the
        test, one of validation is used as such. Files with other names, and
        splits without a training list, are left out.
    """
    found = {}
    for path in sorted(pathlib.Path(directory).glob("*.txt")):
        part = _PART.search(path.name.lower())
        if part and is_list(path):
            number = _SPLIT.search(path.name.lower())
            parts = found.setdefault(int(number[1]) if number else 1, {})
            parts.setdefault(part_of(part[1]), []).append(path)
    for parts in found.values():
        # TSN's lists call the test part `val`.
        if "test" not in parts and "validation" in parts:
            parts["test"] = parts.pop("validation")
    return {key: parts for key, parts in found.items() if "train" in parts}


def read(path):
    """Reads a list into `Row`s.

    Raises:
        ValueError: if there is no such file, a line cannot be read, a path
            occurs twice, or there are no lines.
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(
            "Expected the list of frame folders to be an existing file. "
            f"Received: {str(path)!r}"
        ) from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not a list of frame folders. Expected text in "
            f"UTF-8. Received: {error}"
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_LINE.fullmatch(line) for line in lines]
    expected = "lines `path num_frames label`, each path once"
    problem = f"Cannot read the list {path.name}"
    refuse_any(
        [line for line, match in zip(lines, found) if not match],
        problem,
        expected,
    )
    rows = [Row(match["path"], int(match["label"])) for match in found]
    refuse_any(doubles([row.path for row in rows]), problem, expected)
    if not rows:
        raise ValueError(f"{problem}. Expected {expected}. Received: no lines")
    return rows


def catalog(root, clips, lists, *, test_fraction=0.25, seed=0):
    """Makes the catalog of a dataset that such lists describe.

    A listed path is a folder below `root`. The last parts of an absolute path
    of another machine are searched below `root`. Class names are read from
    `classInd.txt` beside the lists; without it they are the numbers. Groups
    are read from names like those of UCF101 (`official_splits.ucf101_group`).

    Args:
        root: path. Directory of the dataset.
        clips: sequence of str. The folders of frames, relative to `root`.
        lists: path of one list, whose clips are split by groups; or what
            `find_lists` returned.
        test_fraction, seed: as in `catalog.discover`; used with one list only.

    Returns:
        `Catalog`. Listed clips without a folder are left out and mentioned in
        `problems`.

    Raises:
        ValueError: if a list cannot be read, no listed clip has a folder, two
            lists contradict each other, or a clip is in both parts.
    """
    root = pathlib.Path(root)
    given = isinstance(lists, dict)
    paths = lists if given else {1: {"all": [pathlib.Path(lists)]}}
    known = set(clips)
    labels, missing, members = {}, [], {}
    for key, parts in paths.items():
        for part, files in parts.items():
            # A part may have several lists (rgb and flow) of the same clips.
            for row in (row for file in files for row in read(file)):
                clip = _find_clip(root, row.path, known)
                if clip is None:
                    missing.append(row.path)
                    continue
                if labels.setdefault(clip, row.label) != row.label:
                    raise ValueError(
                        "The lists are inconsistent. Expected one label for "
                        f"each clip. Received: {clip!r} with {labels[clip]} "
                        f"and {row.label}"
                    )
                members.setdefault((key, part), {})[clip] = None
    missing = list(dict.fromkeys(missing))
    if not labels:
        raise ValueError(
            "No listed clip has a folder of frames. Expected folders such as "
            f"{first_of(missing)} below {str(root)!r}. Received: "
            f"{len(known)} folders"
        )
    videos = tuple(labels)
    places = {clip: place for place, clip in enumerate(videos)}
    classes = _classes(next(iter(paths.values())), labels)
    groups = tuple(
        # `ucf101_group` expects the class as first folder; paths may lack it.
        official_splits.ucf101_group(f"{classes[label]}/{clip}")
        for clip, label in labels.items()
    )
    if given:
        splits = {
            key: Split(
                *(
                    tuple(places[clip] for clip in members.get((key, part), ()))
                    for part in Split._fields
                )
            )
            for key in paths
        }
        validation = {
            key: tuple(places[c] for c in members[key, "validation"])
            for key in paths
            if (key, "validation") in members
        }
    else:
        splits = {
            1: split_groups(list(labels.values()), groups, test_fraction, seed)
        }
        validation = {}
    problems = []
    if missing:
        problems.append(
            f"{len(missing)} of {len(missing) + len(videos)} listed clips have "
            f"no folder and are left out: {first_of(missing)}."
        )
    problems += find_empty_classes(tuple(labels.values()), classes, splits)
    return Catalog(
        root,
        videos,
        tuple(labels.values()),
        groups,
        classes,
        splits,
        tuple(problems),
        tuple(missing),
        validation=validation,
    )


def _find_clip(root: pathlib.Path, path: str, known: set[str]) -> str | None:
    """The clip of `known` that a path of a list names, or `None`."""
    parts = pathlib.PurePosixPath(path).parts
    absolute = pathlib.Path(path)
    if absolute.is_absolute() and absolute.is_relative_to(root.absolute()):
        parts = absolute.relative_to(root.absolute()).parts
    for start in range(len(parts)):
        clip = "/".join(parts[start:])
        if clip in known:
            return clip
    return None


def _classes(parts, labels: dict[str, int]) -> tuple[str, ...]:
    """The class names for the labels (a dict by clip) of the lists `parts`."""
    (first, *_), *_ = parts.values()
    names = first.parent / "classInd.txt"
    if not names.is_file():
        numbers = [str(label) for label in labels.values()]
        return class_names.number(numbers)[1]
    classes = official_splits.read_classes(names)
    refuse_any(
        [label for label in labels.values() if label >= len(classes)],
        "A list has an unknown label",
        f"0 to {len(classes) - 1}, the classes of {str(names)!r}",
    )
    return classes
