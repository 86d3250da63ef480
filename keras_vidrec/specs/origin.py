"""What a network, a dataset or a file was made from."""

import collections.abc
import dataclasses
import hashlib
import json
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact
from keras_vidrec.specs.video_set import VideoSet

# The kinds of objects that have an origin.
KINDS = (
    "videos",
    "frames",
    "prepared",
    "features",
    "network",
    "scores",
    "report",
    "export",
)
# A limit for files of unknown origin.
_MOST_GENERATIONS = 32


@dataclasses.dataclass(frozen=True)
class Origin(Fact):
    """What a network, a dataset, features or scores were made from.

    Args:
        kind: `None`, or str: the kind of object, one of `KINDS`: a dataset
            (`"videos"`, `"frames"`, `"prepared"`, `"features"`), or something
            made from one. Defaults to `None` (not known), like the other
            arguments with `None`.
        fingerprint: `None`, or str: fingerprint of the object: from the weights
            of a network, or from the names, labels and content of a dataset.
        videos: `None`, or str: `fingerprint` of the list of videos, their
            names and labels.
        content: `None`, or str: fingerprint of the contents of the videos, as
            far as they are known.
        split: `None`, or int: number of the split.
        training_list: `None`, or str: fingerprint of the names of training
            videos.
        trained_on: `None`, or `VideoSet` (or its `to_dict()`): the training
            videos, so that they can be found in a test list. With a
            `training_list`, `None` means those of a descendant: see
            `without_repeats`.
        parents: dict from the role of a parent (`"dataset"`, `"weights"`,
            `"features"`, `"rgb"`, ...) to its `Origin` (or its `to_dict()`).
        versions: dict from the name of a package to its version.
        decoder: `None`, or str: the library that decoded the videos, with its
            version.
        random: tuple of str. For a network that was initialized from weights:
            the layers that were not in them and were initialized at random.
        marks: tuple of str. Sentences to show with the figures of the object:
            warnings of leaks that the user allowed.

    Raises:
        ValueError: if a value has the wrong type, or there are more than 32
            generations.
    """

    WHAT: typing.ClassVar[str] = "an origin"

    kind: str | None = None
    fingerprint: str | None = None
    videos: str | None = None
    content: str | None = None
    split: int | None = None
    training_list: str | None = None
    trained_on: VideoSet | None = None
    parents: dict = dataclasses.field(default_factory=dict)
    versions: dict = dataclasses.field(default_factory=dict)
    decoder: str | None = None
    random: tuple = ()
    marks: tuple = ()

    def __post_init__(self):
        owner = f" of {self.WHAT}"
        if self.kind is not None:
            checks.choice("kind", self.kind, KINDS, owner)
        for name in (
            "fingerprint",
            "videos",
            "content",
            "training_list",
            "decoder",
        ):
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
        if isinstance(self.trained_on, dict):
            trained_on = VideoSet.from_dict(self.trained_on)
            object.__setattr__(self, "trained_on", trained_on)
        _check_dict("versions", self.versions, str, "str by name", owner)
        _check_dict(
            "parents", self.parents, (Origin, dict), "origins by name", owner
        )
        parents = {
            name: Origin.from_dict(parent)
            if isinstance(parent, dict)
            else parent
            for name, parent in self.parents.items()
        }
        object.__setattr__(self, "parents", parents)
        for name, expected in (
            ("random", "names of layers"),
            ("marks", "sentences"),
        ):
            value = getattr(self, name)
            checks.check(
                isinstance(value, (list, tuple))
                and all(isinstance(item, str) for item in value),
                name,
                expected,
                value,
                owner,
            )
            object.__setattr__(self, name, tuple(value))

    @classmethod
    def from_dict(
        cls, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """Returns the origin with the given fields; see `Fact`."""
        _check_generations(values)
        return super().from_dict(values)

    def generations(
        self, path: tuple = ()
    ) -> typing.Iterator[tuple[tuple, "Origin"]]:
        """Yields every origin of the chain, this one first.

        Yields:
            Tuple of the path from this origin to another, a tuple of keys of
            `parents` such as `("features", "rgb")`, and that `Origin`.
        """
        yield path, self
        for name, parent in self.parents.items():
            yield from parent.generations((*path, name))

    def without_repeats(self) -> "Origin":
        """Returns the same chain with less data, for files: in ancestors that
        were trained on the same videos as one of their descendants,
        `trained_on` is `None`."""
        return self._without_repeats(())

    def _without_repeats(self, said):
        # `said`: the `trained_on` of all descendants.
        known = self.trained_on is not None
        parents = {
            name: parent._without_repeats((*said, self.trained_on))
            for name, parent in self.parents.items()
        }
        repeats = known and self.training_list and self.trained_on in said
        trained_on = None if repeats else self.trained_on
        return self.replace(trained_on=trained_on, parents=parents)

    def leaks(self, videos: VideoSet) -> dict:
        """Returns which test videos this object or an ancestor was trained on.

        Args:
            videos: `VideoSet` of the test videos.

        Returns:
            dict from the path of an origin (see `generations`) to a tuple of
            indices of videos. Origins trained on none of them are left out.
        """
        found = {
            path: videos.common(origin.trained_on)
            for path, origin in self.generations()
            if origin.trained_on is not None
        }
        return {path: common for path, common in found.items() if common}


def fingerprint(value: typing.Any) -> str:
    """Returns a fingerprint of plain data, equal on every machine.

    Args:
        value: lists, numbers, strings, and dicts with str as keys.

    Returns:
        str of 16 hexadecimal digits.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _check_dict(name, value, kinds, expected, owner):
    checks.check(
        isinstance(value, dict)
        and all(isinstance(item, kinds) for item in value.values()),
        name,
        f"a dict of {expected}",
        value,
        owner,
    )


def _check_generations(values: typing.Any) -> None:
    """Checks the number of generations in the plain data of an origin."""
    generation = [values]
    for _ in range(_MOST_GENERATIONS):
        parents = [
            value.get("parents")
            for value in generation
            if isinstance(value, dict)
        ]
        generation = [
            parent
            for by_name in parents
            if isinstance(by_name, dict)
            for parent in by_name.values()
        ]
        if not generation:
            return
    raise ValueError(
        f"Expected an origin of at most {_MOST_GENERATIONS} generations. "
        "Received: one of more"
    )
