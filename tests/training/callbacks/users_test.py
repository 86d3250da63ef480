"""A user's own callbacks in a training that is interrupted."""

import keras
import pytest

from keras_vidrec.training.trainer import train
from tests.training.loop_test import built as built
from tests.training.loop_test import recipe as recipe
from tests.training.runs import assert_equal
from tests.training.runs import log_of

pytestmark = pytest.mark.usefixtures("eager")


class Counter(keras.callbacks.Callback):
    """Counts what it is called for, forgets when a training begins, and
    raises where it is told to."""

    def __init__(self, raises_in=None, at=None, error=None):
        super().__init__()
        self.raises_in, self.at = raises_in, at
        self.error = error or OSError("mine")
        self.epochs = -1
        self.ends = 0
        self.began = 0

    def _look(self, hook, number):
        if (hook, number) == (self.raises_in, self.at):
            raise self.error

    def on_train_begin(self, logs=None):
        self.epochs = 0
        self.began += 1

    def on_train_batch_end(self, batch, logs=None):
        self._look("batch", batch)

    def on_epoch_end(self, epoch, logs=None):
        self._look("epoch", epoch)
        assert {"loss", "accuracy", "learning_rate"} <= set(logs)
        self.epochs += 1

    def on_test_end(self, logs=None):
        self._look("test", None)

    def on_train_end(self, logs=None):
        self.ends += 1

    def get_state(self):
        return {"epochs": self.epochs}

    def set_state(self, state):
        self.epochs = state["epochs"]


def test_one_training_of_several_phases(recipe, tmp_path, caplog):
    """Killed in the middle by a callback that raises: its own exception, and
    the same call goes on to the same network, with what was counted."""
    whole = Counter()
    expected = train(
        recipe.to_dict(),
        tmp_path / "whole",
        data=recipe.data.directory,
        callbacks=[whole],
        verbose=0,
    )
    assert (whole.began, whole.epochs, whole.ends) == (1, 4, 1)
    out = tmp_path / "run"
    for raises_in, at, left in (
        ("batch", 1, "after 0 epochs and 2 steps"),
        ("epoch", 1, "after 2 epochs and 0 steps"),
        ("epoch", 2, "after 3 epochs and 0 steps"),
    ):
        counter = Counter(raises_in, at)
        with pytest.raises(OSError, match="mine") as raised:
            train(recipe, out, callbacks=[counter], verbose=0)
        assert raised.value is counter.error
        assert "by callback Counter in on_" in raised.value.__notes__[-1]
        assert left in caplog.text
    last = Counter()
    found = train(str(out), out, callbacks=[last], verbose=0)
    assert_equal(found, expected)
    # Of the four epochs two are not counted: it raised in them.
    assert (last.began, last.epochs, last.ends) == (1, 2, 1)


def test_keras_own_go_on_counting_and_end_a_training(recipe, tmp_path):
    recipe = recipe.with_settings(
        ["validation.fraction=0.5", "schedule.phases=[]", "schedule.epochs=9"]
    )

    def stop():
        return keras.callbacks.EarlyStopping(
            "epoch_number", mode="min", patience=2
        )

    class Number(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["epoch_number"] = float(epoch)

    out = tmp_path / "run"
    with pytest.raises(RuntimeError, match="enough"):
        train(
            recipe,
            out,
            callbacks=[
                Number(),
                stop(),
                Counter("test", None, RuntimeError("enough")),
            ],
            verbose=0,
        )
    assert not (out / "model.keras").exists()
    run = train(recipe, out, callbacks=[Number(), stop()], verbose=0)
    # The first epoch is the best; two later it ends, one of them a start
    # after.
    assert [row["epoch"] for row in log_of(run)] == ["0", "1", "2"]
    assert run.is_finished
    again = run.model_file.stat().st_mtime_ns
    train(recipe, out, verbose=0)
    assert run.model_file.stat().st_mtime_ns == again


def test_callbacks_that_cannot_set_the_learning_rate(recipe, tmp_path):
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    ]
    recipe = recipe.with_settings(
        ["schedule.phases=[]", "schedule.epochs=2", "schedule.kind=cosine"]
    )
    out = tmp_path / "run"
    with pytest.raises(
        ValueError, match="schedule.kind=cosine; with .*LearningRateScheduler"
    ):
        train(recipe, out, callbacks=callbacks, verbose=0)
    assert not out.exists()
    recipe = recipe.with_settings(["schedule.kind=constant"])
    run = train(recipe, out, callbacks=callbacks, verbose=0)
    first, second = (float(row["learning_rate"]) for row in log_of(run))
    assert second == pytest.approx(first / 2)


def test_what_is_no_state_and_no_callback(recipe, tmp_path):
    class Odd(Counter):
        def get_state(self):
            return {1, 2}

    with pytest.raises(TypeError, match="not JSON serializable"):
        train(recipe, tmp_path / "run", callbacks=[Odd()], verbose=0)
    # The epoch is kept all the same.
    assert [*(tmp_path / "run" / "backup").glob("epoch-00001*")]
    with pytest.raises(ValueError, match="`callbacks`. Expected a list of"):
        train(recipe, tmp_path / "run", callbacks=Counter(), verbose=0)
