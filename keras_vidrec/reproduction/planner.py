"""Determines the trainings and tests that the rows of a table need."""

import dataclasses
import functools
import pathlib

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.reproduction import parts
from keras_vidrec.reproduction import rehearsal
from keras_vidrec.reproduction.parts import Given
from keras_vidrec.reproduction.parts import Tested
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.specs import documents
from keras_vidrec.training import recipe_network
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tables
from keras_vidrec.training.recipes.tiny import tiny

DATASETS = ("ucf101", "hmdb51")

_WEIGHTS = "initialization.weights"
_FROZEN = "initialization.frozen"
_BACKBONE = "network.arguments.backbone"
_BY_SCORES_FROM = (
    "on {dataset}: a score file by `vidrec scores-from`, with {{split}} in "
    "place of the number"
)
# Kind and description of provided files, by their name without the dataset.
_WHAT = {
    "brox": (
        "data",
        "{dataset} with the optical flow of Brox et al.: a directory that "
        "`vidrec prepare` made with --flow brox, of the videos where OpenCV is "
        "built with CUDA, or of folders of frames and flow",
    ),
    "idt": (
        "scores",
        f"scores of improved dense trajectories {_BY_SCORES_FROM}",
    ),
    "mifs": (
        "scores",
        f"scores of multi-skip feature stacking {_BY_SCORES_FROM}",
    ),
}


class Planner:
    """Makes the parts of a paper's figures. Equal parts are the same object.

    Args:
        paper: str, as for `tables.rows`.
        tiny: bool. Whether to make a test run with tiny networks. Defaults to
            `False`.

    Attributes:
        rows: tuple of `tables.Row`.
    """

    def __init__(self, paper, tiny=False):
        self.rows = tables.rows(paper)
        self._tiny = tiny
        self._printed = {(r.table, r.row, r.column): r for r in self.rows}
        self._known = {}

    def test(self, row, split):
        """Returns the source of the scores of a row on one split: `Tested`,
        `Fusion` or `Given`."""
        if row.recipe:
            return self._tested(row.recipe, row.changes, split, row.data)
        members = [self._member(one, row, split) for one in row.fuses]
        if len(members) == 1:
            return members[0]
        weights, scores = row.weights, row.scores
        if weights is None:
            weights, scores = _of_recipes(members)
        normalize = tuple(getattr(one, "normalize", None) for one in row.fuses)
        return parts.Fusion(
            tuple(members), tuple(weights), scores or "logits", normalize
        )

    def _member(self, one, row, split):
        """The source of the scores of a member of `row.fuses`."""
        if isinstance(one, str):
            return self.test(self._printed[row.table, row.row, one], split)
        if one.table:
            printed = self._printed[one.table, one.row, one.column]
            return self.test(printed, split)
        if one.given:
            return _given(one.given)
        return self._tested(one.recipe, one.changes, split)

    def _tested(self, name, changes, split, data=None):
        recipe = recipes.get(name).with_values(changes)
        return Tested(
            self._training(name, changes, split, data),
            rehearsal.shortened(recipe.test, recipe)
            if self._tiny
            else recipe.test,
        )

    def _training(self, name, changes, split, data=None, backbones=None):
        """Makes a `Training`.

        Args:
            name: str. Name of the recipe.
            changes: mapping of changes to the recipe.
            split: int.
            data: `None`, or str: name of a provided dataset.
            backbones: `None`, or dict by stream: the backbones of the network
                that starts from this training, for a recipe without backbones.
        """
        recipe = recipes.get(name).with_values(changes)
        starts = _starts().get(name, {})
        backbones = recipe_network.backbones(recipe) or backbones or {}
        weights = self._weights(recipe, changes, split, starts, backbones)
        recipe = recipe.with_values({_WEIGHTS: None})
        features = self._features(recipe, split, starts, backbones)
        own = recipes.get(name).test
        if self._tiny:
            own = rehearsal.shortened(own, recipe)
            frozen = list(recipe.initialization.frozen)
            recipe = tiny(recipe, rehearsal.settings(recipe))
            # Provided weights do not fit tiny towers.
            if any(isinstance(part, Given) for part in weights.values()):
                weights = {}
            if weights:  # `tiny` freezes nothing; these towers start trained
                recipe = recipe.with_values({_FROZEN: frozen})
        made = Training(
            dataclasses.replace(recipe, test=own),
            _given(data) if data else _dataset(name),
            split,
            weights,
            features,
        )
        return self._known.setdefault(made.name, made)

    def _weights(self, recipe, changes, split, starts, backbones):
        """The initial weights of a training as a dict by stream of `Training`
        or `Given`; empty for random weights."""
        if _WEIGHTS in changes and changes[_WEIGHTS] is None:
            return {}
        stated = starts.get("weights", recipe.initialization.weights)
        if stated is None:
            return {}
        if not isinstance(stated, dict):
            stated = {None: stated}
        # For a network of a single stream with a backbone, the value without a
        # stream is the start of its tower.
        whole = len(
            recipe_network.streams(recipe)
        ) > 1 or not recipe_network.backbones(recipe)
        found = {}
        for stream, candidates in stated.items():
            backbone = backbones.get(stream)
            if stream is None and len({*backbones.values()}) == 1:
                (backbone,) = {*backbones.values()}
            if candidates == "imagenet":
                found[stream] = parts.imagenet(backbone, BACKBONES[backbone])
            elif stream is None and whole:
                found[stream] = self._before(
                    candidates[0], changes, split, backbones
                )
            else:
                found[stream] = self._tower(candidates, backbone, split)
        return found

    def _before(self, candidate, changes, split, backbones):
        """The earlier training of the same network, on other data or as its
        first stage, with the same changes of network arguments."""
        name, more = _named(candidate)
        inside = recipe_network.backbones(recipes.get(name))
        own = {
            key: value
            for key, value in changes.items()
            if key.startswith("network.arguments.")
            and (inside or key != _BACKBONE)
        }
        return self._training(name, {**own, **more}, split, backbones=backbones)

    def _tower(self, candidates, backbone, split):
        """The training of a network of one stream: of the first of the recipes
        `candidates` that has the backbone (`None`: any), else of the first one
        with its backbone changed."""
        for candidate in candidates:
            name, changes = _named(candidate)
            recipe = recipes.get(name).with_values(changes)
            if backbone in (None, *recipe_network.backbones(recipe).values()):
                return self._training(name, changes, split)
        name, changes = _named(candidates[0])
        return self._training(name, {**changes, _BACKBONE: backbone}, split)

    def _features(self, recipe, split, starts, backbones):
        """The `Features` that a recipe is trained on; `None` if it is trained
        on images."""
        if "features" not in starts:
            return None
        networks = {
            stream: self._tower(candidates, backbones.get(stream), split)
            for stream, candidates in starts["features"].items()
        }
        test = recipe.test
        if self._tiny:
            test = rehearsal.shortened(test, recipe)
        # The number of frames that a test uses.
        num_frames = recipe.network.arguments["num_segments"]
        made = parts.Features(
            networks, starts["grid"], num_frames * test.num_clips
        )
        return self._known.setdefault(made.name, made)


def _of_recipes(members: list[Tested]) -> tuple:
    """The weights and the kind of scores of a fusion, as set by the recipes of
    the single streams."""
    trained = [one.training for one in members]
    streams = [stream for one in trained for stream in one.streams]
    fusion = trained[0].recipe.fusion
    return tuple(fusion.weights[stream] for stream in streams), fusion.scores


def _named(candidate: str | dict) -> tuple[str, dict]:
    """The name and the changes of a recipe in `starts.yaml`: a str, or a dict
    of `recipe` and `changes`."""
    if isinstance(candidate, str):
        return candidate, {}
    return candidate["recipe"], candidate.get("changes", {})


def _dataset(recipe: str) -> str:
    """The dataset of a recipe, from its name."""
    (found,) = {*recipe.split("_")} & {*DATASETS}
    return found


def _given(name: str) -> Given:
    """The `Given` of a name such as `idt_ucf101`."""
    beginning, _, dataset = name.rpartition("_")
    kind, what = _WHAT[beginning]
    return Given(name, kind, what.format(dataset=dataset.upper()))


@functools.cache
def _starts() -> dict:
    """The content of `starts.yaml`: what each recipe starts from."""
    return documents.read_yaml(pathlib.Path(__file__).with_name("starts.yaml"))
