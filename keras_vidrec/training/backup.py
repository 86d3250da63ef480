import json
import pathlib
import re
import shutil

import keras
import numpy as np

from keras_vidrec import files

_NAME = re.compile(r"epoch-(\d+)")


class Backup(keras.callbacks.Callback):
    """Keeps all it takes to go on after an interruption as if there was none.

    After each epoch: weights, optimiser state, the states of the random seed
    generators (dropout), and the counters of the other callbacks. A backup
    is written under another name and renamed when it is whole; then the one
    before is removed.

    Args:
        directory: path, used by nothing else.
        stateful: dict from name to an object with `get_state()`, which
            returns what JSON holds, and `set_state(state)`. Callbacks with a
            memory.
    """

    def __init__(self, directory, stateful=None):
        super().__init__()
        self._directory = pathlib.Path(directory)
        self._stateful = stateful or {}

    def next_epoch(self):
        """The epoch to go on with: 0 without a backup."""
        return max(self._backups(), default=0)

    def restore(self, model):
        """Brings a compiled model to where the last backup left it.

        Args:
            model: keras.Model, compiled.

        Returns:
            int, the epoch to go on with.

        Raises:
            ValueError: if the backup is of another model.
        """
        epoch = self.next_epoch()
        if not epoch:
            return 0
        directory = self._backups()[epoch]
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(directory / "model.weights.h5")
            with np.load(directory / "seeds.npz", allow_pickle=False) as seeds:
                for i, variable in enumerate(_seed_states(model)):
                    variable.assign(seeds[f"seed_{i}"])
            states = json.loads((directory / "state.json").read_text("utf-8"))
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(
                f"Expected a backup of this network. Received: {directory}: "
                f"{error}"
            ) from error
        for name, stateful in self._stateful.items():
            stateful.set_state(states[name])
        return epoch

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        with files.replacing(self._directory / f"epoch-{done:05d}") as path:
            path.mkdir(parents=True)
            self.model.save_weights(path / "model.weights.h5")
            seeds = {
                f"seed_{i}": keras.ops.convert_to_numpy(variable)
                for i, variable in enumerate(_seed_states(self.model))
            }
            np.savez(path / "seeds.npz", **seeds)
            states = {
                name: stateful.get_state()
                for name, stateful in self._stateful.items()
            }
            (path / "state.json").write_text(json.dumps(states), "utf-8")
        for old, directory in self._backups().items():
            if old != done:
                shutil.rmtree(directory)

    def _backups(self):
        if not self._directory.is_dir():
            return {}
        return {
            int(match[1]): directory
            for directory in self._directory.iterdir()
            if (match := _NAME.fullmatch(directory.name))
        }


def _seed_states(model):
    """Variables that are in no weights file: states of seed generators."""
    saved = {id(variable) for variable in model.weights}
    return [
        variable for variable in model.variables if id(variable) not in saved
    ]
