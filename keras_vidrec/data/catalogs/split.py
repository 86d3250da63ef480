"""Splits of a dataset into training and test that keep groups whole."""

import collections
import collections.abc
import hashlib
import typing

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import checks

if typing.TYPE_CHECKING:
    from keras_vidrec.data.catalogs.catalog import Catalog


class Split(typing.NamedTuple):
    """The parts of one split, as indices into the videos of a catalog."""

    train: tuple
    test: tuple


def split_groups(labels, groups, fraction, seed):
    """Splits clips by holding out whole groups of every class.

    About `fraction` of the clips of each class are held out: at least one group
    if the class has two, but never all groups, so a class with a single group
    stays in training. The choice depends on `seed` and the names of the groups,
    not on the order of the clips, the platform or a library's random numbers.
    If groups contain several classes, a class may have no clip held out.

    If clips have several labels, the rarest class is processed first, and a
    group is held out if that brings all its classes together nearer to
    `fraction`.

    Args:
        labels: sequence of int, the class of each clip, or of tuples of int,
            its classes. Clips of no class are treated as one more class.
        groups: sequence of str. Group of each clip.
        fraction: float between 0 and 1.
        seed: int.

    Returns:
        `Split` of indices into `labels`, in ascending order; the clips held out
        are its test part.

    Raises:
        ValueError: if `fraction` is not between 0 and 1.
    """
    checks.check(
        0 < fraction < 1,
        "fraction",
        "a number between 0 and 1",
        fraction,
        " of the clips to hold out",
    )
    sizes = collections.defaultdict(collections.Counter)
    several = label_sets.are_sets(labels)
    for label, group in zip(labels, groups):
        for one in (label or (-1,)) if several else (label,):
            sizes[group][one] += 1
    groups_of = collections.defaultdict(list)
    for group in sorted(sizes, key=lambda group: _rank(seed, group)):
        for label in sizes[group]:
            groups_of[label].append(group)
    groups_left = {label: len(names) for label, names in groups_of.items()}
    held_out, held = set(), collections.Counter()

    def is_free(group):
        return group not in held_out and all(
            groups_left[label] > 1 for label in sizes[group]
        )

    def hold_out(group):
        held_out.add(group)
        held.update(sizes[group])
        for label in sizes[group]:
            groups_left[label] -= 1

    wanted = {
        label: fraction * sum(sizes[group][label] for group in names)
        for label, names in groups_of.items()
    }

    def gain(group, label):
        """By how many clips the class (with several labels: all classes of the
        group) would come nearer to its share if the group were held out."""
        total = 0.0
        for one in sizes[group] if several else (label,):
            missing = wanted[one] - held[one]
            total += abs(missing) - abs(missing - sizes[group][one])
        return total

    for label, names in sorted(
        groups_of.items(),
        key=lambda item: (wanted[item[0]] if several else 0, item[0]),
    ):
        for group in names:
            is_short = held[label] < wanted[label]
            if is_short and is_free(group) and gain(group, label) >= 0:
                hold_out(group)
        free = [group for group in names if is_free(group)]
        if free and held_out.isdisjoint(names):
            hold_out(min(free, key=lambda group: sizes[group][label]))
    train, test = [], []
    for position, group in enumerate(groups):
        (test if group in held_out else train).append(position)
    return Split(tuple(train), tuple(test))


def check_disjoint(splits, videos, groups=None):
    """Refuses splits with a video, or a group, in both parts.

    Args:
        splits: dict from keys to `Split`.
        videos: sequence of str. The name of each video.
        groups: `None` (groups are not checked), or sequence of str: the group
            of each video. Defaults to `None`.

    Raises:
        ValueError: naming the first video or group in both parts, and how many
            there are.
    """
    kinds = {"video": videos}
    if groups is not None:
        kinds["group"] = groups
    for key, split in splits.items():
        for kind, names in kinds.items():
            test = {names[i] for i in split.test}
            shared = sorted(test.intersection(names[i] for i in split.train))
            if shared:
                raise ValueError(
                    f"Split {key} shares a {kind} between its parts. Expected "
                    f"each {kind} in training or in test. "
                    f"Received: {first_of(shared)}"
                )


def find_empty_classes(labels, classes, splits) -> list[str]:
    """Returns messages for `Catalog.problems` about classes without clips,
    without clips in a part of a split, or whose names differ only in case or
    spaces, and about datasets with only one class."""
    labels = [label_sets.as_set(label) for label in labels]
    present = set().union(*labels)
    problems = []
    empty = [name for i, name in enumerate(classes) if i not in present]
    if empty:
        problems.append(f"Classes without clips: {first_of(empty)}.")
    for key, split in splits.items():
        for name, part in zip(("training", "test"), split):
            absent = sorted(present.difference(*(labels[i] for i in part)))
            if absent:
                names = [classes[i] for i in absent]
                problems.append(
                    f"Classes without {name} clips in split {key}: "
                    f"{first_of(names)}."
                )
    alike = doubles([" ".join(name.lower().split()) for name in classes])
    if alike:
        problems.append(
            "Classes whose names differ only in case or spaces, which may "
            f"be the same class: {first_of(alike)}."
        )
    if len(classes) == 1:
        problems.append(f"All clips are of one class: {first_of(classes)}.")
    return problems


def first_of(items) -> str:
    """The first item and, if there are several, their number, for messages."""
    number = f" ({len(items)} in all)" if len(items) > 1 else ""
    return f"{checks.shorten(repr(items[0]))}{number}"


def doubles(items):
    """The repeated items of a sequence, once for each repetition."""
    seen = set()
    return [item for item in items if item in seen or seen.add(item)]


def refuse_any(items, problem: str, expected: str) -> None:
    """Raises a `ValueError` that names the first of the faulty `items`, if
    there are any."""
    if items:
        raise ValueError(
            f"{problem}. Expected {expected}. Received: {first_of(items)}"
        )


def _rank(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}:{group}".encode()).digest()


def carve_validation(
    catalog: "Catalog",
    split: collections.abc.Hashable,
    fraction: float,
    seed: int,
) -> tuple[tuple, tuple]:
    """Takes a validation part out of the training part of a split.

    Whole groups of each class are taken. A class with a single training group
    stays in training. The test part is not used.

    Args:
        catalog: `Catalog`.
        split: key of `catalog.splits`.
        fraction: float between 0 and 1. Share of the training clips.
        seed: int.

    Returns:
        Pair `(train, validation)` of tuples of indices into the videos.

    Raises:
        ValueError: if there is no such split, `fraction` is not between 0 and
            1, or no class has two training groups.
    """
    checks.choice("split", split, catalog.splits)
    part = catalog.splits[split].train
    train, validation = split_groups(
        [catalog.labels[i] for i in part],
        [catalog.groups[i] for i in part],
        fraction,
        seed,
    )
    if not validation:
        raise ValueError(
            "Cannot hold out a validation part. Expected a class of at least "
            "two groups in training. "
            f"Received: {len(part)} training clips of split {split!r}"
        )
    return tuple(part[i] for i in train), tuple(part[i] for i in validation)
