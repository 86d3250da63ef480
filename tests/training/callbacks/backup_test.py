import os
import re
import shutil

import keras
import numpy as np
import pytest

from keras_vidrec.training.callbacks.backup import Backup
from keras_vidrec.training.callbacks.stop_on_nan import LossIsNaN
from keras_vidrec.training.callbacks.stop_on_nan import StopOnNaN

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
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
    )
    return model


class Interrupted(RuntimeError):
    pass


class Stop(keras.callbacks.Callback):
    """Ends training with an error after a number of steps."""

    def __init__(self, steps):
        super().__init__()
        self._left = steps

    def on_train_batch_end(self, batch, logs=None):
        self._left -= 1
        if not self._left:
            raise Interrupted


def fit(model, directory, epochs, memory, every_steps=None, stop=None):
    """Three steps an epoch; returns the logs of the last one."""
    backup = Backup(directory, {"memory": memory}, every_steps)
    backup.restore(model)
    callbacks = [memory, backup, *([Stop(stop)] if stop else [])]
    while backup.position.epoch < epochs:
        epoch, step = backup.position
        history = model.fit(
            X[4 * step :], Y[4 * step :], batch_size=4, verbose=0,
            epochs=epoch + 1, initial_epoch=epoch, shuffle=False,
            callbacks=callbacks,
        )  # fmt: skip
    return history.history


def backups(directory):
    return sorted(path.name for path in directory.glob("epoch*"))


@pytest.mark.usefixtures("eager")
def test_resumed_equals_uninterrupted(tmp_path):
    """Weights, moments of the optimizer, dropout and memories go on, and
    metrics within an epoch."""
    whole, memory = compiled(), Memory()
    start = whole.get_weights()
    logs = fit(whole, tmp_path / "whole", 4, memory, every_steps=2)
    for stop, left in (
        # A backup of the step before the last; what came after is lost.
        (6, "epoch-00001-step-0000002"),
        # The last step is done again, and two of the next epoch.
        (3, "epoch-00002-step-0000002"),
        # One more epoch.
        (1 + 3, "epoch-00003-step-0000002"),
    ):
        model = compiled()
        model.set_weights(start)
        with pytest.raises(Interrupted):
            fit(model, tmp_path / "parts", 4, Memory(), 2, stop)
        assert backups(tmp_path / "parts")[-1] == left
        keras.utils.set_random_seed(5)  # another process, another state
    remembered = Memory()
    model = compiled()
    resumed = fit(model, tmp_path / "parts", 4, remembered, every_steps=2)
    assert memory.seen == remembered.seen == [0, 1, 2, 3]
    for one, two in zip(whole.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(one, two)
    assert resumed == logs


@pytest.mark.tensorflow_only
def test_metrics_of_replicas_go_on(tmp_path):
    """Each replica has sums of its own."""
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        model = compiled()
        model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables]
        start = [keras.ops.convert_to_numpy(v).copy() for v in variables]

        def from_the_start(directory, stop=None):
            """Traced once: another process would begin with these values."""
            for variable, value in zip(variables, start, strict=True):
                variable.assign(value)
            logs = fit(model, tmp_path / directory, 1, Memory(), 1, stop)
            return logs, model.get_weights()

        logs, whole = from_the_start("whole")
        with pytest.raises(Interrupted):
            from_the_start("parts", stop=2)
        resumed, parts = from_the_start("parts")
    assert resumed.keys() == logs.keys()
    for name, (value,) in logs.items():
        assert resumed[name] == [pytest.approx(value, rel=1e-6)]
    for one, two, before in zip(whole, parts, start):
        np.testing.assert_allclose(one, two, atol=1e-7)
        assert (one != before).any()


@pytest.mark.usefixtures("eager")
def test_only_the_last_two_whole_backups_stay(tmp_path):
    fit(compiled(), tmp_path, 4, Memory())
    # What an interruption leaves is no backup.
    (tmp_path / ".partial.epoch-00005-step-0000000").mkdir()
    (tmp_path / ".partial.best.keras").write_text("half")
    assert Backup(tmp_path).restore(compiled()) == (4, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "epoch-00003-step-0000000",
        "epoch-00004-step-0000000",
    ]


def cut_off(path):
    os.truncate(path, 100)


def turn_a_bit(path):
    """In the last byte: no length tells it."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = (
    ("state.npz", cut_off, "state.npz, of 100 bytes, is not what was written"),
    ("state.npz", turn_a_bit, r"state.npz, of \d+ bytes, is not what was .*"),
    ("metrics.npz", os.unlink, "no metrics.npz"),
    ("callbacks.json", turn_a_bit, "callbacks.json, of 18 bytes, is not .*"),
    ("sha256.json", turn_a_bit, "sha256.json is not what was written"),
    ("sha256.json", os.unlink, "no sha256.json"),
)


@pytest.mark.usefixtures("eager")
def test_a_damaged_backup_gives_way_to_the_one_before(tmp_path, caplog):
    fit(compiled(), tmp_path / "sound", 2, Memory())
    first, second = backups(tmp_path / "sound")
    shutil.copytree(tmp_path / "sound" / first, tmp_path / "one" / first)
    expected, model = compiled(), compiled()
    Backup(tmp_path / "one", {"memory": Memory()}).restore(expected)
    for number, (name, damage, told) in enumerate(DAMAGES):
        directory = tmp_path / str(number)
        shutil.copytree(tmp_path / "sound", directory)
        damage(directory / second / name)
        memory = Memory()
        assert Backup(directory, {"memory": memory}).restore(model) == (1, 0)
        assert memory.seen == [0]
        for one, two in zip(
            [*expected.variables, *expected.optimizer.variables],
            [*model.variables, *model.optimizer.variables],
            strict=True,
        ):
            np.testing.assert_array_equal(one, two)
        # Training will come to it again.
        assert backups(directory) == [first]
        assert re.fullmatch(
            rf"{directory / second} is damaged \({told}\)\. Training resumes "
            rf"from the one before, {first}\.",
            caplog.messages[-1],
        )
    assert len(caplog.messages) == len(DAMAGES)


@pytest.mark.usefixtures("eager")
def test_no_backup_is_sound(tmp_path):
    fit(compiled(), tmp_path, 2, Memory())
    for path in tmp_path.glob("*/state.npz"):
        path.write_bytes(b"")
    found = backups(tmp_path)
    with pytest.raises(
        ValueError,
        match=f"No backup can be read.*delete {tmp_path} to train from the "
        "beginning. Received: .*00002-step-0000000: state.npz, of 0 bytes, is "
        "not what was written; .*00001-step-0000000: state.npz",
    ):
        Backup(tmp_path).restore(compiled())
    assert backups(tmp_path) == found


class Explode(keras.callbacks.Callback):
    """An update that no network survives, behind the last step of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self._now, batch) == (self._epoch, 2):
            for variable in self.model.trainable_variables:
                variable.assign(1e30 * keras.ops.ones_like(variable))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("again", [False, True])
def test_weights_that_give_no_loss_do_not_replace_good_ones(tmp_path, again):
    """Also if the process is killed before a step shows it."""
    model = compiled()
    backup = Backup(tmp_path)
    arguments = dict(batch_size=4, verbose=0, shuffle=False)
    callbacks = [Explode(1), StopOnNaN(backup=backup), backup]
    if again:
        model.fit(X, Y, epochs=2, callbacks=callbacks, **arguments)
        assert len(backups(tmp_path)) == 2
        model, backup = compiled(), Backup(tmp_path)
        assert backup.restore(model) == (2, 0)
        callbacks = [StopOnNaN(backup=backup), backup]
    with pytest.raises(LossIsNaN, match="epoch 3, step 1"):
        model.fit(
            X,
            Y,
            epochs=3,
            initial_epoch=2 if again else 0,
            callbacks=callbacks,
            **arguments,
        )
    assert backups(tmp_path) == ["epoch-00001-step-0000000"]
    good = compiled()
    assert Backup(tmp_path).restore(good) == (1, 0)
    assert np.isfinite(good.evaluate(X, Y, verbose=0)).all()


@pytest.mark.usefixtures("eager")
def test_the_last_of_two_counts(tmp_path):
    """As a process leaves them that was killed before it removed one."""
    fit(compiled(), tmp_path / "two", 2, Memory())
    fit(compiled(), tmp_path / "one", 1, Memory())
    (tmp_path / "one" / "epoch-00001-step-0000000").rename(
        tmp_path / "two" / "epoch-00001-step-0000002"
    )
    assert Backup(tmp_path / "two").restore(compiled()) == (2, 0)


@pytest.mark.usefixtures("eager")
def test_only_the_chief_writes(tmp_path):
    model = compiled()
    worker = Backup(tmp_path, every_steps=1, is_chief=False)
    model.fit(X, Y, verbose=0, callbacks=[worker])
    assert worker.position == (1, 0)
    assert not backups(tmp_path)
    fit(compiled(), tmp_path, 2, Memory())
    assert worker.restore(compiled()) == (2, 0)


def test_nothing_to_restore(tmp_path):
    assert Backup(tmp_path / "none").restore(compiled()) == (0, 0)


@pytest.mark.usefixtures("eager")
def test_another_network_is_refused(tmp_path):
    fit(compiled(), tmp_path, 1, Memory())
    with pytest.raises(ValueError, match="of this network.*epoch-00001"):
        Backup(tmp_path, {"memory": Memory()}).restore(compiled(units=7))
