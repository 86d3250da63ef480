import keras
import numpy as np
import pytest

from keras_vidrec.training.backup import Backup

X = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
Y = np.arange(12) % 2


class Memory(keras.callbacks.Callback):
    """A callback with a memory: the epochs it has seen."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(epoch)

    def get_state(self):
        return self.seen

    def set_state(self, state):
        self.seen = state


def compiled(units=4):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model, directory, epochs, memory):
    backup = Backup(directory, {"memory": memory})
    first = backup.restore(model)
    model.fit(
        X, Y, batch_size=4, epochs=epochs, initial_epoch=first, verbose=0,
        shuffle=False, callbacks=[memory, backup],
    )  # fmt: skip
    return model


def test_resumed_equals_uninterrupted(tmp_path):
    """Weights, moments of the optimiser, dropout and memories go on."""
    keras.utils.set_random_seed(0)
    memory = Memory()
    whole = fit(compiled(), tmp_path / "whole", 4, memory)
    keras.utils.set_random_seed(0)
    fit(compiled(), tmp_path / "parts", 2, Memory())
    keras.utils.set_random_seed(5)  # another process, another state
    remembered = Memory()
    resumed = fit(compiled(), tmp_path / "parts", 4, remembered)
    assert memory.seen == remembered.seen == [0, 1, 2, 3]
    for one, two in zip(whole.get_weights(), resumed.get_weights()):
        np.testing.assert_allclose(one, two, atol=1e-7)


def test_only_the_last_whole_backup_stays(tmp_path):
    fit(compiled(), tmp_path, 3, Memory())
    # What an interruption leaves is no backup.
    (tmp_path / ".1.partial.epoch-00004").mkdir()
    assert Backup(tmp_path).next_epoch() == 3
    names = sorted(path.name for path in tmp_path.glob("epoch*"))
    assert names == ["epoch-00003"]


def test_nothing_to_restore(tmp_path):
    assert Backup(tmp_path / "none").restore(compiled()) == 0


def test_another_network_is_refused(tmp_path):
    fit(compiled(), tmp_path, 1, Memory())
    with pytest.raises(ValueError, match="of this network.*epoch-00001"):
        Backup(tmp_path, {"memory": Memory()}).restore(compiled(units=7))
