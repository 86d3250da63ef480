"""Estimates the time and the disk space of a plan, from one step of each of its
networks and one prepared video of each dataset."""

import collections.abc
import dataclasses
import json
import os
import pathlib
import statistics
import tempfile
import time
import typing

import keras
import numpy as np

from keras_vidrec.applications.parts import head
from keras_vidrec.data import opening
from keras_vidrec.data.pipeline import steps_per_epoch
from keras_vidrec.data.preparing.prepare import num_cores
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.preparing.video import prepare_video
from keras_vidrec.reporting.measuring import noise
from keras_vidrec.reproduction.parts import check_splits
from keras_vidrec.reproduction.parts import dataset_name
from keras_vidrec.reproduction.parts import dataset_option
from keras_vidrec.reproduction.plan import Plan
from keras_vidrec.reproduction.results import Results
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.training import environment
from keras_vidrec.training import freezing
from keras_vidrec.training import network
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.recipes.initialization import Initialization

# Clips in the measured step without an accelerator.
_FEW = 2
_CLASSES = 101
# Share of the time of a step that the forward pass takes.
_FORWARD = 1 / 3
# Size of the files of a run, relative to that of a network: the network, and
# the last two backups, which contain the optimizer state.
_FILES = 3.5
_HALF = 2  # bytes of a stored feature


@dataclasses.dataclass(frozen=True)
class Step:
    """A measured training step of a network.

    Attributes:
        seconds: float. Time per clip.
        num_bytes: int. Size of the weights.
        num_segments: int. Segments of a training clip.
        num_features: int. Number of inputs of the classifier.
    """

    seconds: float
    num_bytes: int
    num_segments: int
    num_features: int


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The estimated time and disk space of a plan.

    Attributes:
        seconds: dict of float by stage, such as `"training"`.
        num_bytes: dict of int by stage.
    """

    seconds: dict
    num_bytes: dict

    def __str__(self):
        lines = ["Estimate for this machine, if nothing else runs on it:"]
        for what in {**self.seconds, **self.num_bytes}:
            lines.append(
                f"  {what}: {_hours(self.seconds.get(what, 0))}, "
                f"{_size(self.num_bytes.get(what, 0))}"
            )
        lines.append(
            f"  all: {_hours(sum(self.seconds.values()))}, "
            f"{_size(sum(self.num_bytes.values()))}"
        )
        return "\n".join(lines)


def estimate(
    plan: Plan,
    data: dict,
    splits: dict | None = None,
    given: dict | None = None,
    flow: str = "tvl1",
    *,
    out: str | os.PathLike[str] | None = None,
    tell: collections.abc.Callable[[str], object] = lambda line: None,
) -> Estimate:
    """Measures a step of each network of a plan, and the preparation of one
    video of each dataset, and estimates the total time and disk space.

    Args:
        plan: `plan.Plan`.
        data: as for `Workshop`.
        splits, given: as for `Workshop`. Default to `None`.
        flow: as for `Workshop`. Defaults to `"tvl1"`.
        out: `None`, or path of the directory of the reproduction: trainings
            that are finished there are not counted. Defaults to `None`.
        tell: callable that gets a line of text before each network is measured,
            which may take minutes. Defaults to one that does nothing.

    Returns:
        `Estimate`. `str` of it gives the text to print.

    Raises:
        ValueError: if a dataset lacks a split, before anything is measured.
    """
    _, trainings = plan.trainings()
    done = set()
    if out is not None:
        results = Results(out)
        done = {
            name
            for name, training in trainings.items()
            if results.run(training).model_file.is_file()
        }
    steps, prepared = {}, {}
    places = {**data, **(given or {})}
    names = {
        dataset_name(one) for one in trainings.values() if not one.features
    }
    opened = {
        name: opening.open_dataset(
            places[name], splits=(splits or {}).get(name), images_only=True
        )
        for name in sorted(names)
    }
    for name, one in opened.items():
        splits_of = {
            training.split
            for training in trainings.values()
            if dataset_name(training) == name
        }
        option = dataset_option(name, data)
        check_splits(name, splits_of, one.catalog, option)
    for training in trainings.values():
        key = kind(training)
        if key not in steps:
            tell(f"Measuring a step of {training.recipe.name}")
            steps[key] = measure(training.recipe)
        name = dataset_name(training)
        if training.features:
            continue
        where = (name, training.size)
        if where not in prepared and opened[name].kind == "videos":
            prepared[where] = _prepare_one(opened[name].catalog, where[1], flow)
    counts = {name: _counts(one.catalog) for name, one in opened.items()}
    return total(plan, steps, counts, prepared, done)


def total(
    plan: Plan,
    steps: dict,
    counts: dict,
    prepared: dict,
    done: collections.abc.Collection[str] = (),
) -> Estimate:
    """Computes the `Estimate` of a plan from measurements.

    Args:
        plan: `plan.Plan`.
        steps: dict from `kind` to `Step`.
        counts: dict by dataset of dicts by number of a split of
            `(training videos, test videos)`.
        prepared: dict from `(dataset, size of frames)` to `(seconds, bytes)`
            of preparing it.
        done: collection of str. Names of trainings that are finished, and take
            no time. Defaults to `()`.

    Returns:
        `Estimate`.
    """
    seconds = {"preparing": 0.0, "training": 0.0, "testing": 0.0}
    num_bytes = {"preparing": 0, "training": 0}
    for took, filled in prepared.values():
        seconds["preparing"] += took
        num_bytes["preparing"] += filled
    _, trainings = plan.trainings()
    for name, training in trainings.items():
        if name in done:
            continue
        step = steps[kind(training)]
        num_train, _ = counts[dataset_name(training)][training.split]
        seconds["training"] += step.seconds * _clips(training.recipe, num_train)
        num_bytes["training"] += int(_FILES * step.num_bytes)
    for tested in plan.tests():
        step, test = steps[kind(tested.training)], tested.test
        training = tested.training
        _, num_test = counts[dataset_name(training)][training.split]
        segments = (test.num_segments or step.num_segments) * test.num_clips
        views = TEST_CROPS[test.crops] * segments / step.num_segments
        seconds["testing"] += step.seconds * _FORWARD * views * num_test
    for features in plan.features():
        for tower in features.networks.values():
            step = steps[kind(tower)]
            num_videos = sum(counts[dataset_name(tower)][tower.split])
            images = num_videos * features.num_frames
            what = "features"
            seconds.setdefault(what, 0.0)
            num_bytes.setdefault(what, 0)
            seconds[what] += images * step.seconds * _FORWARD
            num_bytes[what] += images * step.num_features * _HALF
    return Estimate(seconds, num_bytes)


def kind(training) -> str:
    """Returns a key that is the same for trainings that take the same time per
    clip."""
    recipe = training.recipe.to_dict()
    names = ("network", "clip", "precision", "rematerialize")
    values = {name: recipe[name] for name in names}
    values["batch_size"] = training.recipe.optimizer.batch_size
    values["frozen"] = training.recipe.initialization.frozen
    return json.dumps(values, sort_keys=True)


def measure(recipe) -> Step:
    """Measures a training step of the network of a recipe, with random weights
    and noise as input. The first update is not measured, because it compiles
    the network."""
    keras.utils.clear_session()
    random = dataclasses.replace(recipe, initialization=Initialization())
    model = network.build(random, [str(i) for i in range(_CLASSES)])
    freezing.freeze_towers(model, recipe.initialization.frozen)
    spec = typing.cast(ClipSpec, head.describe(model).clip_spec)
    trained = head.clip_logits_model(model)
    losses.compile_logits(
        trained,
        optimizers.build(recipe.optimizer, recipe.schedule, 1, model),
    )
    clips = recipe.optimizer.batch_size
    if not environment.has_accelerator():
        clips = min(clips, _FEW)
    inputs = noise.clips(model, clips)
    labels: typing.Any = np.zeros(clips, "int32")
    if isinstance(trained.output, dict):
        labels = dict.fromkeys(trained.output, labels)
    for _ in range(1 + max(recipe.optimizer.accumulate, 1)):
        start = time.perf_counter()
        trained.train_on_batch(inputs, labels)
        seconds = time.perf_counter() - start
    last = [
        layer.input.shape[-1]
        for layer in model.layers
        if layer.name == "logits" and layer.input.shape[-1]
    ]
    return Step(
        seconds / clips,
        sum(4 * np.prod(weight.shape, dtype=int) for weight in model.weights),
        spec.num_segments or 1,
        last[0] if last else 0,
    )


def _prepare_one(catalog, size, flow):
    """Estimates the seconds and bytes of preparing all videos, from a video
    whose file has the median size."""
    paths = [pathlib.Path(catalog.root) / file for file in catalog.files]
    sizes = {path: path.stat().st_size for path in dict.fromkeys(paths)}
    middle = statistics.median_low(sizes.values())
    (path, *_) = [path for path in sizes if sizes[path] == middle]
    preparation = Preparation(flow, warped=size == "340x256", size=size)
    for _ in range(2):  # the first call compiles the flow
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            prepare_video(path, preparation, scratch)
            seconds = time.perf_counter() - start
            found = [*pathlib.Path(scratch).rglob("*")]
            filled = sum(f.stat().st_size for f in found if f.is_file())
    share = sum(sizes.values()) / middle
    return seconds * share / num_cores(), int(filled * share)


def _counts(catalog):
    """The numbers of training and test videos, by split."""
    return {
        split: (len(parts.train), len(parts.test))
        for split, parts in catalog.splits.items()
    }


def _clips(recipe, num_train: int) -> float:
    """The number of clips that take as long as a training. In phases that train
    only the head, a clip counts as a forward pass."""
    steps = steps_per_epoch(num_train, recipe.optimizer.batch_size)
    steps *= recipe.schedule.passes
    epochs = optimizers.num_epochs(recipe.schedule, recipe.optimizer, steps)
    for phase in recipe.schedule.phases_of(epochs):
        if phase.trained == "head" or "backbone" in phase.frozen:
            epochs -= phase.epochs * (1 - _FORWARD)
    return epochs * steps * recipe.optimizer.batch_size


def _hours(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 72 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86400:.1f} days"


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f} GiB"
