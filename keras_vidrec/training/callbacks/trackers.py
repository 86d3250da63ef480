"""Logs trainings to Weights & Biases and MLflow, by their own callbacks."""

import contextlib
import importlib
import importlib.util
import json
import pathlib
import re

import keras

from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

# MLflow's limits: parameters in one call, and characters of a value.
_MOST_AT_ONCE = 50
_MOST_CHARACTERS = 500


class Tracker(keras.callbacks.Callback):
    """Logs a training to one of these programs. A resumed training continues
    the same entry.

    Args:
        run: `Run`. Its `trackers_file` stores the id of the entry.
        recipe: `Recipe`.
        origin: `Origin` of the network.

    Attributes:
        name: str. Name of the package, and of the extra that installs it.
    """

    name: str

    def __init__(self, run, recipe, origin):
        super().__init__()
        self._run = run
        self._recipe = recipe
        self._origin = _brief(origin)
        self._library = None
        self._inner = None

    def on_train_begin(self, logs=None):
        self._library = importlib.import_module(self.name)
        known = _read(self._run.trackers_file)
        known[self.name] = self._start(known.get(self.name))
        files.write_text(self._run.trackers_file, json.dumps(known))
        self._inner = self._callback()
        self._inner.set_model(self.model)
        self._inner.set_params(self.params)
        self._inner.on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._inner.on_epoch_end(epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._inner.on_train_batch_end(batch, logs)

    def on_test_end(self, logs=None):
        self._inner.on_test_end(logs)

    def close(self, outcome):
        """Ends the entry.

        Args:
            outcome: `None` (the training has not finished), or dict of numbers
                by name, as `Loop.train` returns it.
        """
        if self._library is not None:
            if outcome is not None:
                self._finish(outcome)
            self._end(outcome is not None)
            self._library = None


class WandbTracker(Tracker):
    """Logs to Weights & Biases, by its `WandbMetricsLogger`."""

    name = "wandb"

    def _start(self, entry):
        started = self._library.init(
            project="keras_vidrec",
            name=self._run.path.name,
            dir=str(self._run.path),
            id=entry,
            resume="allow",
            config={"recipe": self._recipe.to_dict(), "origin": self._origin},
        )
        return started.id

    def _callback(self):
        from wandb.integration.keras import WandbMetricsLogger

        return WandbMetricsLogger()

    def _finish(self, outcome):
        run = self._library.run
        run.summary.update(outcome)
        name = re.sub(r"[^\w.-]", "_", f"{self._recipe.name}-{run.id}")
        artifact = self._library.Artifact(name, type="model")
        for path in self._run.trained_files:
            artifact.add_file(str(path))
        run.log_artifact(artifact)

    def _end(self, is_finished):
        self._library.finish(exit_code=0 if is_finished else 1)


class MlflowTracker(Tracker):
    """Logs to MLflow, by its `MlflowCallback`."""

    name = "mlflow"

    def _start(self, entry):
        started = self._library.start_run(
            run_id=entry, run_name=None if entry else self._run.path.name
        )
        recipe = self._recipe.to_dict()
        # Parameters in MLflow cannot be changed, but the summary may change
        # when a run is resumed.
        recipe.pop("summary", None)
        values = {"recipe": recipe, **self._origin_of()}
        items = [
            (key, str(value)[:_MOST_CHARACTERS])
            for key, value in documents.flat(values).items()
        ]
        for first in range(0, len(items), _MOST_AT_ONCE):
            part = dict(items[first : first + _MOST_AT_ONCE])
            self._library.log_params(part)
        self._library.log_text(self._recipe.to_yaml(), "recipe.yaml")
        self._library.log_dict(self._origin, "origin.json")
        return started.info.run_id

    def _origin_of(self):
        kept = {k: v for k, v in self._origin.items() if k != "parents"}
        return {"origin": kept}

    def _callback(self):
        return self._library.keras.MlflowCallback()

    def _finish(self, outcome):
        self._library.log_metrics(outcome)
        for path in self._run.trained_files:
            self._library.log_artifact(str(path), "model")

    def _end(self, is_finished):
        self._library.end_run("FINISHED" if is_finished else "FAILED")


_TRACKERS = {one.name: one for one in (WandbTracker, MlflowTracker)}

# `log.csv` is always written: the report reads it.
LOGS = ("csv", "tensorboard", *_TRACKERS)


def checked(log):
    """Checks the names of logs. Returns them as a tuple without duplicates.

    Raises:
        ArgumentError: if one is unknown, or its package is not installed.
    """
    checks.check(
        isinstance(log, (list, tuple)) and set(log) <= set(LOGS),
        "log",
        f"a list of some of {LOGS}",
        log,
    )
    for name in log:
        checks.check(
            name not in _TRACKERS or importlib.util.find_spec(name) is not None,
            "log",
            f"an installed package, unlike {name} "
            f"({checks.how_to_install(name)})",
            log,
        )
    return tuple(dict.fromkeys(log))


@contextlib.contextmanager
def following(log, run, recipe, origin):
    """A context that makes the trackers of a training, and closes them.

    Args:
        log: tuple of str. Names, as `checked` returns them.
        run: `Run`.
        recipe: `Recipe`.
        origin: `Origin` of the network.

    Yields:
        list of `Tracker`.
    """
    trackers = [
        _TRACKERS[name](run, recipe, origin)
        for name in log
        if name in _TRACKERS
    ]
    try:
        yield trackers
    finally:
        for tracker in trackers:
            tracker.close(None)


def _read(path: pathlib.Path) -> dict:
    try:
        return dict(documents.read_json(path))
    except (OSError, ValueError, TypeError):
        return {}  # lost or damaged: a new entry is made


def _brief(origin):
    """An origin without the lists of videos."""
    values = origin.to_dict()
    values.pop("trained_on", None)
    values["parents"] = {
        name: _brief(parent) for name, parent in origin.parents.items()
    }
    return values
