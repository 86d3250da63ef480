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
    """A file that somebody brings along.

    Args:
        name: str. What the command line calls it.
        kind: str. `"weights"`, `"scores"` or `"data"`.
        what: str. What it is, for people.
        default: `None` (nothing can be made without it), or str: what is in its
            place where it is not given.
    """

    name: str
    kind: str
    what: str
    default: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """One run. Two of one name are the same.

    Args:
        recipe: `Recipe` as it is trained, without its data and without the
            paths of what it starts from. Its test is that of the recipe's
            file, whatever the rows test.
        dataset: str, or `Given`, a prepared one.
        split: int.
        weights: dict from the streams of `initialization.weights`, or `None`,
            to `Training` or `Given`. Empty where the recipe says all.
        features: `None`, or the `Features` it is trained on.
    """

    recipe: Recipe
    dataset: str | Given
    split: int
    weights: dict = dataclasses.field(default_factory=dict)
    features: "Features | None" = None

    @functools.cached_property
    def name(self):
        """Of its directory: the recipe, what it is changed to, the split.
        Nothing is trained otherwise because it is tested otherwise."""
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
        """Modalities that its network sees."""
        return recipe_network.streams(self.recipe)

    @functools.cached_property
    def size(self):
        """Of the frames that it sees, as a `FrameSpec` says it; of features
        `None`."""
        if self.features:
            return None
        frame = self.recipe.clip.get("frame", {})
        builder = recipe_network.builder(self.recipe)
        return frame.get("size", builder.frame.size)

    def parts(self):
        """Yields what it needs, and then itself: `Training`, `Features`,
        `Given`; some of them twice."""
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

    Args:
        training: `Training`.
        test: `TestProtocol`.
    """

    training: Training
    test: TestProtocol

    @property
    def name(self):
        return f"{self.training.name}@{self.test.name}"

    def parts(self):
        """As of `Training`."""
        yield from self.training.parts()
        yield self


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """What trained networks see in frames of all videos.

    Args:
        networks: dict from stream to `Training`.
        grid: str. Where the frames lie.
        num_frames: int. Frames of a video.
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
        """As of `Training`."""
        for part in self.networks.values():
            yield from part.parts()
        yield self


@dataclasses.dataclass(frozen=True, eq=False)
class Fusion:
    """Fused scores.

    Args:
        members: tuple of `Tested`, `Given` or `Fusion`.
        weights: tuple of numbers.
        scores: str. `"logits"` or `"probabilities"`.
        normalize: tuple of `None` or `"l2"`, one for each member.
    """

    members: tuple
    weights: tuple
    scores: str
    normalize: tuple

    def parts(self):
        """As of `Training`."""
        for member in self.members:
            yield from needed(member)


def needed(part):
    """Yields what a part needs, and itself."""
    if isinstance(part, Given):
        yield part
    else:
        yield from part.parts()


def imagenet(backbone, row):
    """ImageNet's weights of a backbone, with its row of `BACKBONES`."""
    return Given(
        backbone,
        "weights",
        f"ImageNet's weights of {backbone}: a network by `vidrec "
        "import-weights` (docs/weights.md)",
        IMAGENET if row.imagenet else None,
    )


def _digest(values):
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
