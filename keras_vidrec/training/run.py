"""The directory of a training run."""

import collections.abc
import contextlib
import csv
import json
import os
import pathlib
import shutil
import typing

import keras
import tensorflow as tf

from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import Origin
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.specs import locks
from keras_vidrec.training import environment
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run_videos import RunVideos

# Operations of TensorFlow that write the files of TensorBoard.
_WRITER = "SummaryWriter"


class Run:
    """The directory of one training run, and the paths in it.

    Attributes:
        path: `pathlib.Path` of the directory.
        recipe_file: `recipe.yaml`, what was trained.
        environment_file: `environment.json`, the seed, and for each start of
            the run what `environment.describe` returns: versions, devices, git
            state, command line, time.
        videos_file: `videos.json`, the training, validation and test videos of
            the first start, see `RunVideos`.
        origin_file: `origin.json`, what the network is made from, as
            `Origin.to_dict` gives it; its fingerprint is there at the end.
        model_file: `model.keras`, the trained network, whose input is pixels;
            it exists only after training has finished.
        head_file: `head.keras`, only for training on features: the network over
            features. `model.keras` is it joined with the networks that made the
            features, if they are available.
        backup: `backup/`, to resume from after an interruption.
        best_file: `backup/best.keras`, the best network so far, if there is a
            validation part.
        log_file: `log.csv`, one row per epoch.
        tensorboard: `tensorboard/`.
        trackers_file: `trackers.json`, the entries of the run in the programs
            that `log` names.
        scores: `scores/`, one file per test.
        report: `report/`, written by `vidrec report`.
        lock_file: `.lock`, which identifies the process that trains the run.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.recipe_file = self.path / "recipe.yaml"
        self.environment_file = self.path / "environment.json"
        self.videos_file = self.path / "videos.json"
        self.origin_file = self.path / "origin.json"
        self.model_file = self.path / "model.keras"
        self.head_file = self.path / "head.keras"
        self.backup = self.path / "backup"
        self.best_file = self.backup / "best.keras"
        self.log_file = self.path / "log.csv"
        self.tensorboard = self.path / "tensorboard"
        self.trackers_file = self.path / "trackers.json"
        self.scores = self.path / "scores"
        self.report = self.path / "report"
        self.lock_file = self.path / ".lock"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> typing.Self:
        """An existing run.

        Raises:
            ValueError: if there is no run.
        """
        run = cls(path)
        if not run.recipe_file.is_file():
            raise ValueError(
                "Expected the directory of a run, with a recipe.yaml. "
                f"Received: {run.path}"
            )
        return run

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run."""
        return Recipe.from_file(self.recipe_file)

    @property
    def videos(self) -> RunVideos | None:
        """The `RunVideos` of the run, `None` if it has none.

        Raises:
            ValueError: if the file is damaged.
        """
        return RunVideos.load(self.videos_file)

    @property
    def origin(self) -> Origin | None:
        """The `Origin` of the run, `None` if it has none.

        Raises:
            ValueError: if the file is damaged.
        """
        try:
            return Origin.from_dict(documents.read_json(self.origin_file))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ValueError(
                "Expected the origin of a run. Received: "
                f"{self.origin_file}, which is damaged ({error}). Without "
                "it, the run cannot be resumed"
            ) from error

    def note_origin(self, origin: Origin) -> None:
        """Writes the `Origin` of the network of the run."""
        text = json.dumps(origin.to_dict(), indent=2)
        files.write_text(self.origin_file, text + "\n")

    @property
    def is_finished(self) -> bool:
        """Whether training has finished."""
        return self.model_file.exists() or self.head_file.exists()

    @property
    def log(self) -> list:
        """The rows of `log.csv`, one per epoch: dicts of float by name, such as
        `val_accuracy`. Values that are missing in a row are left out.
        """
        with open(self.log_file, newline="", encoding="utf-8") as file:
            rows = [*csv.DictReader(file)]
        return [
            {
                name: float(value)
                for name, value in row.items()
                if value not in ("", "NA", None)
            }
            for row in rows
        ]

    @property
    def trained_files(self) -> list[pathlib.Path]:
        """The paths of the trained networks that exist in the directory."""
        files_of_it = (self.head_file, self.model_file)
        return [path for path in files_of_it if path.exists()]

    def is_shorter_than(self, recipe: Recipe) -> bool:
        """Returns whether the directory contains a finished run of the same
        recipe with a smaller `schedule.epochs`."""
        if not (self.recipe_file.is_file() and self.is_finished):
            return False
        before, now = map(_compared, (self.recipe, recipe))
        differing = {
            key for key in {**before, **now} if before.get(key) != now.get(key)
        }
        key = "schedule.epochs"
        lengths = before[key], now[key]
        return (
            differing == {key}
            and None not in lengths
            and lengths[0] < lengths[1]
        )

    def set_aside(self, num_epochs: int) -> list[pathlib.Path]:
        """Renames the finished networks of a run that is continued, such as to
        `model-100-epochs.keras`. If there is no best network so far, the
        finished one becomes it.

        Args:
            num_epochs: int. Epochs that they were trained for.

        Returns:
            list of `pathlib.Path`, the new paths.
        """
        named = []
        trained = self.trained_files
        if not self.best_file.exists():
            with files.replacing(self.best_file) as path:
                shutil.copyfile(trained[0], path)
        for path in trained:
            named.append(path.with_stem(f"{path.stem}-{num_epochs}-epochs"))
            path.replace(named[-1])
        files.sync_directory(self.path)
        return named

    def check(self, recipe: Recipe) -> bool:
        """Checks that the directory can be used for a run of `recipe`. A run
        that has no backup yet may be replaced by one of another recipe.

        Returns:
            bool, whether the directory contains a run of the same recipe, to
            be resumed.

        Raises:
            ValueError: if the directory contains a run of another recipe, or
                something else.
        """
        is_run = self.recipe_file.exists()
        if is_run and (self.backup.exists() or self.is_finished):
            self._check_same(recipe)
            return True
        if (
            not is_run
            and self.path.exists()
            and (not self.path.is_dir() or any(self._others()))
        ):
            raise ValueError(
                "Expected a new or empty directory, or an interrupted run. "
                f"Received: {self.path}, which contains something else"
            )
        return False

    def check_free(self) -> None:
        """Checks that no process trains the run now.

        Raises:
            InUse: a `ValueError` that names the process.
        """
        locks.check_free(self.lock_file, self.path)

    @contextlib.contextmanager
    def held(self) -> collections.abc.Iterator[None]:
        """A context in which the run is locked for training. Creates the
        directory, and removes incomplete files of killed processes.

        Raises:
            InUse: a `ValueError` that names the process that trains it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locks.held(self.lock_file, "train", self.path):
            for directory in (self.path, self.backup, self.scores):
                files.remove_unfinished(directory)
            yield

    def claim(
        self,
        recipe: Recipe,
        videos: RunVideos | None = None,
        origin: Origin | None = None,
        log: collections.abc.Sequence[str] = (),
    ) -> None:
        """Writes the files of a new run of `recipe`, or resumes a run of the
        same recipe, or continues a finished run with fewer epochs. Each start
        is recorded in `environment.json`.

        Args:
            recipe: `Recipe`.
            videos: `RunVideos` of a new run, or `None` (not known). Defaults
                to `None`.
            origin: `Origin` of the network, or `None` (not known). Defaults to
                `None`.
            log: sequence of str. Trackers of this start, as for `train`.
                Defaults to `()`.

        Raises:
            ValueError: as for `check`.
        """
        if self.is_shorter_than(recipe):
            # Trackers have one entry per recipe.
            self.trackers_file.unlink(missing_ok=True)
            if origin is not None:
                self.note_origin(origin)
            files.write_text(self.recipe_file, recipe.to_yaml())
        if self.check(recipe):
            self._note_start(recipe, self._starts(), log)
            return
        self.path.mkdir(parents=True, exist_ok=True)
        files.write_text(self.recipe_file, recipe.to_yaml())
        if videos is not None:
            videos.save(self.videos_file)
        if origin is not None:
            self.note_origin(origin)
        self._note_start(recipe, [], log)

    def check_best(self) -> None:
        """Checks that the best network so far is not damaged.

        Raises:
            ValueError: if it is missing or damaged.
        """
        if not model_file.is_whole(self.best_file):
            raise ValueError(
                "The best network of the training is missing or damaged. "
                f"Restore it, or delete {self.backup} to train again. "
                f"Received: {self.best_file}"
            )

    @contextlib.contextmanager
    def writing(self) -> collections.abc.Iterator[None]:
        """A context for writing files of the run, in which the error of a full
        disk names the directory of the run and says what to do.

        Raises:
            OSError: in place of the error of the file or of the backend.
        """
        try:
            yield
        except BrokenPipeError:  # the reader of standard output has ended
            raise
        except OSError as error:
            raise self._unwritable(error.strerror or error) from error
        except tf.errors.OpError as error:
            if _WRITER not in error.message:
                raise
            # "... FILE; REASON", followed by lines about the content.
            reason = error.message.split("\n")[0].split("; ")[-1]
            raise self._unwritable(reason) from error

    def load_model(self) -> keras.Model:
        """The trained network: after training on features the one with pixels
        as input, or, if it could not be joined, the one over features.

        Raises:
            ValueError: if training has not finished.
        """
        return self._load(self.model_file, self.head_file)

    def load_head(self) -> keras.Model:
        """The network as it was trained: after training on features the one
        over features.

        Raises:
            ValueError: if training has not finished.
        """
        return self._load(self.head_file, self.model_file)

    def _load(self, *paths):
        for path in paths:
            if path.is_file():
                return model_file.load(path)
        aside = sorted(self.path.glob("model-*-epochs.keras"))
        before = f"; its earlier network is {aside[-1]}" if aside else ""
        raise ValueError(
            "Expected a finished run, with a model.keras. Finish the "
            f"training with the same command. Received: {self.path}{before}"
        )

    def _unwritable(self, reason):
        return OSError(
            f"Training stopped: {self.path} cannot be written ({reason}). "
            "Backups are intact: run the same command again to resume from "
            "the last one, if there is one."
        )

    def _others(self):
        """Yields the paths in the directory that were not made by a run that
        has just started or was killed at its start.
        """
        for path in self.path.iterdir():
            if path != self.lock_file and not files.is_unfinished(path.name):
                yield path

    def _starts(self):
        """The list of starts recorded in `environment.json`."""
        try:
            return list(documents.read_json(self.environment_file)["starts"])
        except (OSError, ValueError, KeyError, TypeError):
            return []  # a lost or damaged record must not stop the training

    @property
    def followed(self) -> tuple:
        """The trackers of the last start, as `train` takes them in `log`; empty
        if there was no start, or they are not known."""
        starts = self._starts() if self.recipe_file.is_file() else []
        last = starts[-1] if starts else None
        log = last.get("log") if isinstance(last, dict) else None
        return tuple(log) if isinstance(log, list) else ()

    def _note_start(self, recipe, before, log):
        starts = [*before, {**environment.describe(), "log": [*log]}]
        text = json.dumps({"seed": recipe.seed, "starts": starts}, indent=2)
        files.write_text(self.environment_file, text + "\n")

    def _check_same(self, recipe):
        before, now = map(_compared, (self.recipe, recipe))
        # A larger `schedule.epochs` alone is no error, so the message contains
        # another difference if there is one.
        keys = sorted({**before, **now}, key=lambda k: k == "schedule.epochs")
        for key in keys:
            if before.get(key) != now.get(key):
                raise ValueError(
                    f"{self.path} contains a run of another recipe. Expected "
                    f"{key}={before.get(key)!r} as there, or another "
                    f"directory. Received: {key}={now.get(key)!r}"
                )


def _compared(recipe: Recipe) -> dict:
    """The values of a recipe by key, without the summary: recipes that differ
    only in that line are the same."""
    values = documents.flat(recipe.to_dict())
    values.pop("summary", None)
    return values
