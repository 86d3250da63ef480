"""The usual names of the parts of a split."""

import re

NAMES = ("train", "validation", "test")
# From words in lower case to `NAMES`.
_WORDS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validate": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
# Values in a list for a clip that is in no part.
_NOWHERE = ("none", "unused")


def part_of(word: str) -> str | None:
    """The part, one of `NAMES`, that a word means, in upper or lower case, or
    `None`."""
    return _WORDS.get(word.strip().lower())


def parts_within(names):
    """Returns a dict from each name to its part, for names of folders that
    differ only in the word for the part, such as `videos_train` and
    `videos_val`; an empty dict for other names."""
    found, others = {}, set()
    for name in names:
        words = re.split(r"([a-z]+)", name.lower())
        places = [i for i, word in enumerate(words) if part_of(word)]
        if len(places) != 1:
            return {}
        found[name] = part_of(words.pop(places[0]))
        others.add((places[0], *words))
    return found if len(others) == 1 < len(set(found.values())) else {}


def is_part_or_none(word: str) -> bool:
    """Whether a value of a list means a part, or that a clip is in none."""
    return part_of(word) is not None or word.strip().lower() in _NOWHERE


def indices(parts):
    """Returns a dict from each of `NAMES` to a tuple of the indices of its
    videos, given the part of each video (one of `NAMES` or `None`)."""
    return {
        name: tuple(i for i, part in enumerate(parts) if part == name)
        for name in NAMES
    }
