"""Writes backups during training, and resumes from them."""

import hashlib
import json
import logging
import pathlib
import re
import typing

import keras
import numpy as np

from keras_vidrec.specs import documents
from keras_vidrec.specs import files

logger = logging.getLogger("keras_vidrec")

_FILES = ("state.npz", "metrics.npz", "callbacks.json")
_CHECKSUMS = "sha256.json"
_NAME = re.compile(r"epoch-(\d+)-step-(\d+)")


class Position(typing.NamedTuple):
    """The progress of a training.

    Attributes:
        epoch: int. Number of complete epochs. Defaults to `0`.
        step: int. Number of steps done in the next epoch. Defaults to `0`.
    """

    epoch: int = 0
    step: int = 0


class Backup(keras.callbacks.Callback):
    """Saves everything that is needed to resume an interrupted training with
    the same result as without the interruption.

    A backup contains the weights, the optimizer state (including a lowered
    learning rate and accumulated gradients), the states of the random seed
    generators (dropout), the states of other callbacks, and within an epoch the
    sums of its metrics. It is written under another name, synced to the disk,
    and renamed when it is complete; its checksums show later whether it is
    undamaged.

    The last two backups are kept. If the newest is damaged, training resumes
    from the one before. If the first step after the newest gives a loss that is
    not finite, `drop_unproved` removes the newest.

    Must come after the callbacks whose states it saves, and after `StopOnNaN`.

    Args:
        directory: path. It may only be used for backups and the best model.
        stateful: `None` (no states), or dict from name to an object with
            `get_state()`, which returns JSON values, and `set_state(state)`,
            such as a callback. Defaults to `None`.
        every_steps: `None` (only after each epoch), or int: also after this
            many steps of an epoch. Defaults to `None`.
        is_chief: bool. Whether this process writes. Other workers must call
            the methods too, because all workers read a metric together, and
            restore from the same directory. Defaults to `True`.

    Attributes:
        position: `Position` that training has reached.
    """

    def __init__(
        self, directory, stateful=None, every_steps=None, is_chief=True
    ):
        super().__init__()
        self.position = Position()
        self._directory = pathlib.Path(directory)
        self._stateful = stateful or {}
        self._every_steps = every_steps
        self._is_chief = is_chief
        # The step at which `fit` starts within its first epoch.
        self._first_step = 0
        self._metrics = []
        # Whether no step has been done since the last backup.
        self._is_unproved = False

    @property
    def can_begin_here(self):
        """Whether `fit` can start at the position. It cannot after the last
        step of an epoch, before its validation."""
        return self.position.step < self._first_step + self.params["steps"]

    def restore(self, model):
        """Restores a compiled model, and the states, from the last backup.

        Args:
            model: keras.Model, compiled.

        Returns:
            `Position` to resume from, (0, 0) without a backup. If it is within
            an epoch, the next `fit` must do only the rest of this epoch.

        Raises:
            ValueError: if the backup is of another model, or all are damaged.
        """
        if self._is_chief:
            files.remove_unfinished(self._directory)
        directory = self._newest_sound()
        if directory is None:
            return self.position
        self._is_unproved = True
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        try:
            state = _load(directory / "state.npz")
            for variable, value in zip(_state(model), state, strict=True):
                variable.assign(value)
            self._metrics = _load(directory / "metrics.npz")
            found = documents.read_json(directory / "callbacks.json")
            states = [(x, found[name]) for name, x in self._stateful.items()]
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(
                f"Expected a backup of this network. Received: {directory}: "
                f"{error}"
            ) from error
        for stateful, state in states:
            stateful.set_state(state)
        return self.position

    def states(self):
        """The states of `stateful` in the newest undamaged backup, by name.
        Sets the position.

        Returns:
            dict, empty without a backup.

        Raises:
            ValueError: if all backups are damaged.
        """
        directory = self._newest_sound()
        if directory is None:
            return {}
        return documents.read_json(directory / "callbacks.json")

    def _newest_sound(self):
        """The directory of the newest undamaged backup; `None` if there are no
        backups. Sets the position. Logs damaged backups and removes them:
        training will reach their positions again.

        Raises:
            ValueError: if all backups are damaged.
        """
        damaged = {}
        backups = self._backups()
        for position in sorted(backups, reverse=True):
            damage = _damage(backups[position])
            if damage is None:
                break
            damaged[backups[position]] = damage
        else:
            if not damaged:
                return None
            told = "; ".join(f"{path}: {why}" for path, why in damaged.items())
            raise ValueError(
                "No backup can be read. Expected an undamaged one to resume "
                f"from; delete {self._directory} to train from the "
                f"beginning. Received: {told}"
            )
        self.position = position
        if self._is_chief:
            for path, why in damaged.items():
                logger.warning(
                    "%s is damaged (%s). Training resumes from the one "
                    "before, %s.",
                    path,
                    why,
                    backups[position].name,
                )
                files.remove(path)
        return backups[position]

    def save(self):
        """Writes a backup of the position that training has reached."""
        metrics = ()
        if self.position.step:
            metrics = _arrays(self.model.metrics_variables)
        backups = self._backups()
        if not self._is_chief or self.position in backups:
            return
        name = f"epoch-{self.position.epoch:05d}-step-{self.position.step:07d}"
        with files.replacing(self._directory / name) as path:
            path.mkdir(parents=True)
            np.savez(path / "state.npz", *_arrays(_state(self.model)))
            np.savez(path / "metrics.npz", *metrics)
            states = {
                name: stateful.get_state()
                for name, stateful in self._stateful.items()
            }
            (path / "callbacks.json").write_text(json.dumps(states), "utf-8")
            sums = {name: _checksum(path / name) for name in _FILES}
            (path / _CHECKSUMS).write_text(json.dumps(sums), "utf-8")
        # The previous backup is kept, in case this one cannot be read later.
        *before, _ = sorted(backups) or [None]
        for position in before:
            files.remove(backups[position])
        self._is_unproved = True

    def drop_unproved(self):
        """Removes the last backup if no step has been done since it and there
        is an earlier one. Call it if the loss is not finite: then the weights
        in that backup give it."""
        backups = self._backups()
        if self._is_unproved and self._is_chief and len(backups) > 1:
            files.remove(backups[max(backups)])
        self._is_unproved = False

    def on_epoch_begin(self, epoch, logs=None):
        self._first_step = self.position.step

    def on_train_batch_end(self, batch, logs=None):
        self._is_unproved = False  # its weights gave a finite loss
        if self._metrics:
            # Keras resets the metrics at the start of `fit`, and creates their
            # variables in the first step. All of them are sums, so those of the
            # backup are added after that step.
            variables = self.model.metrics_variables
            for variable, value in zip(variables, self._metrics, strict=True):
                variable.assign(variable + value)
            self._metrics = []
        step = self._first_step + batch + 1
        self.position = Position(self.position.epoch, step)
        if (
            self._every_steps
            and step % self._every_steps == 0
            and self.can_begin_here
        ):
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self.position = Position(epoch + 1)
        self.save()

    def _backups(self):
        """Paths of the complete backups, by `Position`."""
        if not self._directory.is_dir():
            return {}
        return {
            Position(int(match[1]), int(match[2])): directory
            for directory in self._directory.iterdir()
            if (match := _NAME.fullmatch(directory.name))
        }


def _state(model: keras.Model) -> list:
    """Variables of a compiled model in a fixed order: weights, states of the
    seed generators, which Keras does not save, and those of the optimizer."""
    return [*model.variables, *model.optimizer.variables]


def _arrays(variables: list) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _load(path: pathlib.Path) -> list[np.ndarray]:
    """The arrays of a file, in the order in which `np.savez` got them."""
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]


def _damage(directory: pathlib.Path) -> str | None:
    """Describes the damage of a backup; `None` if it is undamaged."""
    try:
        sums = documents.read_json(directory / _CHECKSUMS)
        for name in _FILES:
            file = directory / name
            if _checksum(file) != sums[name]:
                size = file.stat().st_size
                return f"{name}, of {size} bytes, is not what was written"
    except FileNotFoundError as error:
        return f"no {pathlib.Path(error.filename).name}"
    except OSError as error:
        return error.strerror or str(error)
    except (ValueError, KeyError, TypeError):
        return f"{_CHECKSUMS} is not what was written"
    return None


def _checksum(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
