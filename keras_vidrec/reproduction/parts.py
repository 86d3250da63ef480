"""The parts of a figure of a table: trainings, their tests, features, and given
files that this package cannot make.
"""

import dataclasses
import functools
import hashlib
import json

from keras_vidrec.applications.parts.arguments import IMAGENET
from keras_vidrec.specs import TestProtocol
from keras_vidrec.training import recipe_network
from keras_vidrec.training.recipes.recipe import Recipe

_DIGITS = 8


@dataclasses.dataclass(frozen=True)
class Given:
    """A file that this package cannot make and the user provides.

    Attributes:
        name: str. Its name on the command line.
        kind: str. `"weights"`, `"scores"` or `"data"`.
        what: str. Description for messages.
        default: `None` (it is required), or str: the value that is used if it
            is not provided. Defaults to `None`.
    """

    name: str
    kind: str
    what: str
    default: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """One training. Trainings with the same name are the same.

    Attributes:
        recipe: `Recipe` as it is trained, but without its data and the paths of
            initial weights. Its test is that of the recipe file, even if the
            rows use other tests.
        dataset: str, or `Given` for a prepared dataset.
        split: int. Number of the split.
        weights: dict from the streams of `initialization.weights` (or `None`
            for a single value) to `Training` or `Given`. Empty if the recipe
            itself sets all weights. Defaults to `{}`.
        features: `None`, or the `Features` that it is trained on. Defaults to
            `None`.
    """

    recipe: Recipe
    dataset: str | Given
    split: int
    weights: dict = dataclasses.field(default_factory=dict)
    features: "Features | None" = None

    @functools.cached_property
    def name(self):
        """The name of its directory: the recipe, a hash of its content, and the
        split. The test is not part of the hash, as it does not change the
        training."""
        values = self.recipe.to_dict()
        for other in ("data", "reported", "summary", "test"):
            del values[other]
        starts = {str(s): part.name for s, part in self.weights.items()}
        digest = _digest([values, starts, self.features and self.features.name])
        where = self.dataset
        mark = f"-{where.name}" if isinstance(where, Given) else ""
        return f"{self.recipe.name}{mark}-{digest}-split{self.split}"

    @functools.cached_property
    def streams(self):
        """The streams of its network."""
        return recipe_network.streams(self.recipe)

    @functools.cached_property
    def size(self):
        """The size of its frames as in `FrameSpec`; `None` for features."""
        if self.features:
            return None
        frame = self.recipe.clip.get("frame", {})
        builder = recipe_network.builder(self.recipe)
        return frame.get("size", builder.frame.size)

    def parts(self):
        """Yields the parts that it needs, and then itself: `Training`,
        `Features` and `Given`. A part may occur several times."""
        if isinstance(self.dataset, Given):
            yield self.dataset
        if self.features:
            yield from self.features.parts()
        for part in self.weights.values():
            yield from needed(part)
        yield self


@dataclasses.dataclass(frozen=True, eq=False)
class Tested:
    """The scores of a trained network in one test.

    Attributes:
        training: `Training`.
        test: `TestProtocol`.
    """

    training: Training
    test: TestProtocol

    @property
    def name(self):
        return f"{self.training.name}@{self.test.name}"

    def parts(self):
        """As `Training.parts`."""
        yield from self.training.parts()
        yield self


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """Features of all videos by trained networks.

    Attributes:
        networks: dict of `Training` by stream.
        grid: str. How frames are sampled, see `FeatureSettings`.
        num_frames: int. Number of frames of a video.
    """

    networks: dict
    grid: str
    num_frames: int

    @functools.cached_property
    def name(self):
        networks = {s: part.name for s, part in self.networks.items()}
        digest = _digest([networks, self.grid, self.num_frames])
        (split,) = {part.split for part in self.networks.values()}
        return f"{'-'.join(networks)}-{digest}-split{split}"

    def parts(self):
        """As `Training.parts`."""
        for part in self.networks.values():
            yield from part.parts()
        yield self


@dataclasses.dataclass(frozen=True, eq=False)
class Fusion:
    """Fused scores.

    Attributes:
        members: tuple of `Tested`, `Given` or `Fusion`.
        weights: tuple of numbers, one for each member.
        scores: str. `"logits"` or `"probabilities"`.
        normalize: tuple of `None` or `"l2"`, one for each member.
    """

    members: tuple
    weights: tuple
    scores: str
    normalize: tuple

    def parts(self):
        """As `Training.parts`."""
        for member in self.members:
            yield from needed(member)


def needed(part):
    """Yields the parts that a part needs, and the part itself."""
    if isinstance(part, Given):
        yield part
    else:
        yield from part.parts()


def dataset_name(training: Training) -> str:
    """The name of the dataset of a training, on the command line."""
    found = training.dataset
    return found.name if isinstance(found, Given) else found


def dataset_option(name: str, data) -> str:
    """The options of the command line that give a dataset.

    Args:
        name: str. Its name, see `dataset_name`.
        data: collection of the names of datasets of videos.
    """
    if name in data:
        return f"--data {name} or --splits {name}"
    return f"--given {name}"


def check_splits(name, splits, catalog, option) -> None:
    """Checks that a dataset has its splits.

    Args:
        name: str. Name of the dataset.
        splits: set of int. The numbers of the splits.
        catalog: `Catalog` of the dataset.
        option: str. See `dataset_option`.

    Raises:
        ValueError: if it lacks some.
    """
    lacks = splits - {*catalog.splits}
    if lacks:
        raise ValueError(
            f"Expected {name.upper()} with its splits {sorted(splits)}, at "
            f"{option}. Received: {catalog.root}, without {sorted(lacks)}"
        )


def imagenet(backbone, row):
    """Returns ImageNet's weights of a backbone as a `Given`.

    Args:
        backbone: str. Name of the backbone.
        row: the entry of the backbone in `BACKBONES`.
    """
    return Given(
        backbone,
        "weights",
        f"ImageNet's weights of {backbone}: a network by `vidrec "
        "import-weights` (docs/weights.md)",
        IMAGENET if row.imagenet else None,
    )


def _digest(values: list) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
