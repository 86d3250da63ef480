"""The steps of learning. Each makes one folder or file, and resumes after an
interruption.
"""

import dataclasses
import pathlib
import typing

import keras
import numpy as np

from keras_vidrec.data import opening
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.learning import material as materials
from keras_vidrec.learning.material import Material
from keras_vidrec.learning.task import Task
from keras_vidrec.specs import files
from keras_vidrec.training import classifiers
from keras_vidrec.training import network
from keras_vidrec.training import recipes
from keras_vidrec.training import trainer
from keras_vidrec.training.callbacks import words
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run

# The number of segments of a video in every test.
SEGMENTS = 8
# The crops of tests: the whole frame, because the action may be at the border;
# also mirrored, if this does not change the class.
CROPS = {True: "frame_and_mirror", False: "frame"}
# The least number of frames for TSN's sampling of three segments of five flow
# images. All segments of a shorter video would be its first images.
_SPREAD = 3 * 5 + 1
# The number of frames of a video for a network over both streams.
_FRAMES = 9
# The flow in pixels that 0 and 255 stand for, and the shorter side of frames
# for which it is meant.
_BOUND, _BOUND_OF = 5.0, 128


@dataclasses.dataclass(frozen=True)
class Workplace:
    """The directory of a task, and what the steps need.

    Attributes:
        task: `Task`.
        material: `Material`.
        out: `pathlib.Path` of the result.
        verbose: as in `fit`. Defaults to `"auto"`.
        tell: callable that is called with each line of output. Defaults to no
            output.
    """

    task: Task
    material: Material
    out: pathlib.Path
    verbose: object = "auto"
    tell: typing.Callable[[str], None] = lambda line: None

    @property
    def videos_list(self):
        """Path of the list of all videos with their parts."""
        return self.out / "videos.csv"

    @property
    def learned_list(self):
        """Path of a list in which validation videos belong to training."""
        return self.out / "learned.csv"

    def step(self, name):
        """Path of the folder of a step."""
        return self.out / "steps" / name

    def frozen(self, classifier, data=None):
        """Returns the recipe of the frozen network with a kind of classifier;
        `data` is as for `recipe`."""
        values = {"classifier": classifier}
        return self.recipe("frozen_rgb", data, initialization=values)

    @property
    def bound(self):
        """The bound of flow in pixels for the size of this task's frames."""
        return round(_BOUND * self.task.short_side / _BOUND_OF, 1)

    def recipe(self, name, data, **values):
        """Returns a recipe with the settings of this task.

        Args:
            name: str. Name of the recipe.
            data: path of a dataset, or `None` for the videos of the task, with
                training on all but the held-out ones.
            **values: dicts from keys to values, by section of the recipe.
        """
        changes = {
            "clip.size": self.task.size,
            "clip.frame.size": f"short{self.task.short_side}",
            "augmentation.flip": self.material.flip,
            "test.num_segments": SEGMENTS,
            "test.crops": CROPS[self.material.flip],
            "seed": self.task.seed,
        }
        if self.material.shortest < _SPREAD:
            changes["clip.sampling"] = "uniform"
        for section, changed in values.items():
            for key, value in changed.items():
                changes[f"{section}.{key}"] = value
        recipe = recipes.get(name).with_values(changes)
        if data is not None:
            return recipe.with_data(directory=str(data.absolute()))
        return recipe.with_data(
            directory=self.task.videos, list=self.learned_list.absolute()
        )


class Seen(typing.NamedTuple):
    """The features of videos, as a network computes them.

    Args:
        features: float array `(videos, features)`.
        labels: int array `(videos,)`.
        groups: str array `(videos,)`.
    """

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def features(place: Workplace) -> Seen:
    """Returns the features of all training and validation videos as `Seen`: the
    input of the frozen network's classifier in its test. They are stored in a
    file."""
    path = place.step("features.npz")
    if not path.is_file():
        catalog, recipe = place.material.catalog, place.frozen("class_means")
        source = VideoFiles(catalog)
        found, seen = classifiers.features(
            network.build(recipe, catalog.classes),
            source,
            place.material.learned_from,
            recipe.test,
            bool(place.verbose),
        )
        source.save()
        path.parent.mkdir(parents=True, exist_ok=True)
        labels = [catalog.labels[index] for index in seen]
        groups = [catalog.groups[index] for index in seen]
        with files.replacing(path) as unfinished, open(unfinished, "wb") as out:
            np.savez(out, features=found, labels=labels, groups=groups)
    with np.load(path, allow_pickle=False) as stored:
        return Seen(*(stored[name] for name in Seen._fields))


def prepared(place: Workplace, flow: bool) -> pathlib.Path:
    """Prepares frames, and flow if wanted, of all training and validation
    videos. The validation part is the test part of the prepared dataset.
    Returns its path."""
    directory = place.step("prepared")
    made = Preparation(
        flow="dis" if flow else "none",
        bound=place.bound,
        size=f"short{place.task.short_side}",
    )
    material = place.material
    split = Split(material.train, material.validation)
    catalog = materials.only(material.catalog, material.learned_from, split)
    catalog = dataclasses.replace(catalog, validation={}, problems=())
    prepare(catalog, directory, made, progress=bool(place.verbose))
    return directory


def trained(place: Workplace, name: str, recipe: Recipe) -> Run:
    """Trains a recipe as the step `name`, or resumes this, and returns the
    finished `Run`."""
    run = Run(place.step(name))
    if run.is_finished:
        return run
    # Training's own messages name settings that do not exist here.
    callbacks = [_Epochs(place.tell)] if place.verbose else []
    return trainer.train(recipe, run.path, callbacks=callbacks, verbose=0)


class _Epochs(keras.callbacks.Callback):
    """Prints a line after each epoch."""

    def __init__(self, tell):
        super().__init__()
        self._tell = tell

    def on_epoch_end(self, epoch, logs=None):
        accuracy = logs[losses.accuracy_name(self.model)]
        self._tell(
            f"   epoch {epoch + 1} of {self.params['epochs']}: loss "
            f"{logs['loss']:.2f}, {words.percent(accuracy)} of the clips right"
        )


def tested(place: Workplace, run: Run) -> Scores:
    """Returns the `Scores` of a run on the test part of its data; computes them
    if they are not stored."""
    recipe = run.recipe
    path = run.scores / score_naming.file_name(recipe.test, recipe.data)
    if path.is_file():
        return Scores.load(path)
    return evaluator.evaluate(run.path, verbose=bool(place.verbose))[1]


def over_both(
    place: Workplace, runs: dict[str, Run], data: pathlib.Path
) -> Run:
    """Trains a TS-LSTM on the features of two trained networks, and returns its
    `Run`.

    Args:
        place: `Workplace`.
        runs: dict from stream to the `Run` of a network.
        data: path of the prepared dataset.
    """
    directory = place.step("both_features")
    feature_extraction.extract(
        {stream: run.load_model() for stream, run in runs.items()},
        opening.open_dataset(data, images_only=True),
        directory,
        num_frames=_FRAMES,
        made_from={
            "networks": {s: str(r.path.absolute()) for s, r in runs.items()},
            "data": {"directory": str(data.absolute())},
        },
        verbose=bool(place.verbose),
    )
    recipe = recipes.get("quickstart_ts_lstm").with_values(
        {
            "network.arguments.num_segments": _FRAMES,
            "test.num_segments": _FRAMES,
            "optimizer.batch_size": 8,
            "seed": place.task.seed,
        }
    )
    recipe = recipe.with_data(directory=str(directory.absolute()))
    return trained(place, "both", recipe)
