import re
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.training.callbacks.progress import Progress
from keras_vidrec.training.recipes.sections import Optimizer

BATCH = 4
STEPS = 6


class Recorder(keras.callbacks.Callback):
    """What a callback after `Progress` finds in the logs, and the time
    between two steps."""

    def __init__(self):
        super().__init__()
        self.epochs = []
        self.batches = []
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(dict(logs))
        self.ends.append(time.perf_counter())

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(dict(logs))


class Slowness(keras.callbacks.Callback):
    """Makes a step last longer, behind the back of the input."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.seconds)


def slow_batches(seconds, ahead=0):
    """Endless batches, each of which takes so long to read."""

    def read(index):
        time.sleep(seconds)
        return np.full((BATCH, 2), index % 3, "float32")

    def batch(index):
        x = tf.numpy_function(read, [index], tf.float32)
        x.set_shape((BATCH, 2))
        return x, tf.zeros((BATCH, 1))

    dataset = tf.data.Dataset.range(10**9).map(batch)
    return dataset.prefetch(ahead) if ahead else dataset


def fit(dataset, step_seconds=0.0, epochs=2):
    progress = Progress(
        Optimizer(batch_size=BATCH),
        steps_per_epoch=STEPS,
        epochs=epochs,
        verbose=0,
    )
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = Recorder()
    model.fit(
        progress.timed(dataset),
        steps_per_epoch=STEPS,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=[progress, Slowness(step_seconds), seen],
    )
    return seen


def test_a_slow_input_is_what_the_steps_wait_for():
    # In the first epoch there are batches that were read while the network
    # was compiled.
    logs = fit(slow_batches(0.1)).epochs[1]
    assert 0.8 < logs["input_wait"] <= 1
    assert logs["clips_per_second"] == pytest.approx(BATCH / 0.1, rel=0.25)


def test_a_fast_input_is_not_waited_for():
    seen = fit(slow_batches(0.001, ahead=2), step_seconds=0.05)
    for logs in seen.epochs:
        assert 0 <= logs["input_wait"] < 0.1


@pytest.mark.tensorflow_only  # where batches are read beside the steps
def test_only_what_is_not_hidden_behind_the_step_is_waited_for():
    """Reading takes 0.15 s, computing 0.1 s beside it: 0.05 s of waiting."""
    seen = fit(slow_batches(0.15, ahead=1), step_seconds=0.1)
    assert seen.epochs[1]["input_wait"] == pytest.approx(1 / 3, abs=0.12)


@pytest.mark.tensorflow_only
def test_replicas_that_are_fed_ahead_wait_as_one_device_does():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        slow = fit(slow_batches(0.15), step_seconds=0.1)
        fast = fit(slow_batches(0.001), step_seconds=0.1)
    assert slow.epochs[1]["input_wait"] == pytest.approx(1 / 3, abs=0.15)
    assert fast.epochs[1]["input_wait"] < 0.1


def test_the_clips_a_second_are_those_of_the_clock():
    seen = fit(slow_batches(0.001, ahead=2), step_seconds=0.04, epochs=1)
    ends = seen.ends
    # Those of the first step, in which the network is compiled, are left out.
    rate = BATCH * (STEPS - 1) / (ends[-1] - ends[0])
    assert seen.epochs[0]["clips_per_second"] == pytest.approx(rate, rel=0.15)
    assert all("input_wait" in logs for logs in seen.batches)


def test_the_batches_are_the_same_ones():
    progress = Progress(Optimizer(), steps_per_epoch=1, epochs=1)
    batches = tf.data.Dataset.range(6).batch(2)
    nested = batches.map(lambda x: ({"rgb": x, "flow": x + 1}, x, x * 2))
    timed = progress.timed(nested)
    assert timed.element_spec == nested.element_spec
    for one, two in zip(timed, nested, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, two)


class Figures:
    """What a network in training shows of itself."""

    output = None
    stop_training = False
    optimizer = keras.optimizers.SGD(0.015)


def shown(
    capsys, optimizer, epochs=3, waits=0.0, logs=None, pause=0.0, **arguments
):
    """What is printed over a training whose steps take 20 ms, by a clock that
    nothing else moves. A bar is drawn by real time: `pause`."""
    clock = [0.0]
    progress = Progress(
        optimizer, steps_per_epoch=5, epochs=epochs, **arguments
    )
    progress.set_model(Figures())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: clock[0])
        progress.on_train_begin()
        for epoch in range(arguments.get("initial_epoch", 0), epochs):
            progress.on_epoch_begin(epoch)
            for step in range(5):
                progress.on_train_batch_begin(step)
                index = 5 * (epoch - arguments.get("initial_epoch", 0)) + step
                progress._read_at[index] = clock[0] + 0.02 * waits
                clock[0] += 0.02
                time.sleep(pause)
                progress.on_train_batch_end(step, {})
            progress.on_epoch_end(epoch, dict(logs or {"loss": 1.23456}))
    return capsys.readouterr().out.splitlines()


def test_the_plan_and_a_line_an_epoch(capsys):
    optimizer = Optimizer(batch_size=32, accumulate=4)
    plan, *lines, last = shown(capsys, optimizer, num_devices=2)
    assert plan == (
        "effective batch 128 = 16 clips x 4 steps accumulated x 2 devices; "
        "5 steps an epoch, 3 epochs"
    )
    for number, line in enumerate(lines, 1):
        assert re.fullmatch(
            rf"epoch {number} of 3: loss 1.235, rate 0.015, 1600 clips a "
            "second, less than 10 seconds left",
            line,
        )
    assert "epoch 3 of 3: " in last and "left" not in last


def test_accuracies_and_what_is_waited_for(capsys):
    logs = {"loss": 0.5, "accuracy": 0.875, "val_accuracy": 0.5}
    *_, line = shown(capsys, Optimizer(), 1, waits=0.5, logs=logs)
    assert line.startswith(
        "epoch 1 of 1: loss 0.5, accuracy 87.5 %, validation accuracy 50.0 %, "
    )
    assert line.endswith(", waits for clips 50 % of the time")
    *_, line = shown(capsys, Optimizer(), 2, end=1)
    assert "waits" not in line


def test_a_bar_on_a_terminal_leaves_the_lines(capsys):
    out = "\n".join(shown(capsys, Optimizer(), 2, verbose=1, pause=0.11))
    assert re.search(r"epoch 1 of 2: .*5/5", out)
    assert re.findall(r"(?m)epoch (\d) of 2: loss", out) == ["1", "2"]


def test_the_time_left_is_of_the_steps_that_remain(monkeypatch, capsys):
    """100 steps of 36 s; the first one, which compiles, takes an hour."""
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    progress = Progress(
        Optimizer(batch_size=8), steps_per_epoch=100, epochs=7, initial_epoch=4
    )
    progress.set_model(Figures())
    progress.on_train_begin()
    for epoch in (4, 5):
        progress.on_epoch_begin(epoch)
        for step in range(100):
            progress.on_train_batch_begin(step)
            clock[0] += 36 if step or epoch > 4 else 3600
            logs = {}
            progress.on_train_batch_end(step, logs)
            assert logs["input_wait"] == 0
        assert logs["clips_per_second"] == pytest.approx(8 / 36)
        progress.on_epoch_end(epoch, {})
    plan, first, second = capsys.readouterr().out.splitlines()
    assert (
        plan
        == "effective batch 8; 100 steps an epoch, 7 epochs, from epoch 5 on"
    )
    assert first.endswith(", 2 hours left") and second.endswith(", 1 hour left")


def test_nothing_is_shown_where_nothing_is_to_be(capsys):
    assert shown(capsys, Optimizer(), verbose=0) == []


def test_one_step_an_epoch_has_figures_and_a_time_left(capsys):
    progress = Progress(Optimizer(), steps_per_epoch=1, epochs=3)
    progress.set_model(Figures())
    for epoch in range(3):
        progress.on_train_begin() if not epoch else None
        progress.on_epoch_begin(epoch)
        progress.on_train_batch_begin(0)
        progress.on_train_batch_end(0, {})
        logs = {}
        progress.on_epoch_end(epoch, logs)
        assert set(logs) == {"clips_per_second", "input_wait", "learning_rate"}
    # After the first step there is nothing to tell it from.
    assert capsys.readouterr().out.count(" left") == 1
