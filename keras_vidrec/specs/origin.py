"""What a thing was made from."""

import dataclasses
import hashlib
import json
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact


@dataclasses.dataclass(frozen=True)
class Origin(Fact):
    """What a network, a dataset, features or scores were made from.

    Args:
        videos: `None`, or str: `fingerprint` of the list of videos, their
            names and labels. Defaults to `None` (not known), as all others.
        content: `None`, or str: fingerprint of what is in them, as far as
            known.
        split: `None`, or int: number of the split.
        training_list: `None`, or str: fingerprint of the names of the videos
            that were trained on.
        parents: dict from what a parent is (`"weights"`, `"features"`,
            `"dataset"`, ...) to its fingerprint.
        versions: dict from the name of a package to its version.
        decoder: `None`, or str: what decoded the videos, with its version.

    Raises:
        ValueError: on a value of another type.
    """

    WHAT: typing.ClassVar[str] = "an origin"

    videos: str | None = None
    content: str | None = None
    split: int | None = None
    training_list: str | None = None
    parents: dict = dataclasses.field(default_factory=dict)
    versions: dict = dataclasses.field(default_factory=dict)
    decoder: str | None = None

    def __post_init__(self):
        owner = f" of {self.WHAT}"
        for name in ("videos", "content", "training_list", "decoder"):
            value = getattr(self, name)
            checks.check(
                value is None or isinstance(value, str),
                name,
                "None or a str",
                value,
                owner,
            )
        if self.split is not None:
            checks.count("split", self.split, owner=owner)
        for name in ("parents", "versions"):
            value = getattr(self, name)
            checks.check(
                isinstance(value, dict)
                and all(isinstance(item, str) for item in value.values()),
                name,
                "a dict of str by name",
                value,
                owner,
            )


def fingerprint(value):
    """What tells plain data apart: the same for equal values, on every
    machine.

    Args:
        value: what JSON holds: lists, numbers, strings, dicts by str.

    Returns:
        str of 16 hexadecimal digits.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
