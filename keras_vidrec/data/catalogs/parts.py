"""What people call the parts of a split."""

import re

NAMES = ("train", "validation", "test")
# By the word in lower case.
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
# In a list: of a clip that a split leaves out.
_NOWHERE = ("none", "unused")


def part_of(word):
    """The part, one of `NAMES`, that a folder or a value of a list is
    called after, in any case, or `None`."""
    return _WORDS.get(word.strip().lower())


def parts_within(names):
    """The part of each of some folders whose names differ in that one word
    only, as `videos_train` and `videos_val`: a dict, empty if they are called
    otherwise."""
    found, others = {}, set()
    for name in names:
        words = re.split(r"([a-z]+)", name.lower())
        places = [i for i, word in enumerate(words) if part_of(word)]
        if len(places) != 1:
            return {}
        found[name] = part_of(words.pop(places[0]))
        others.add((places[0], *words))
    return found if len(others) == 1 < len(set(found.values())) else {}


def is_part_or_none(word):
    """Whether a value of a list says a part, or that there is none."""
    return part_of(word) is not None or word.strip().lower() in _NOWHERE


def indices(parts):
    """Of the part of each video, one of `NAMES` or `None`, a dict from each of
    `NAMES` to a tuple of the indices of its videos."""
    return {
        name: tuple(i for i, part in enumerate(parts) if part == name)
        for name in NAMES
    }
