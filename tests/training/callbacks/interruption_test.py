"""Trainings that are killed, and that have no room left: real processes."""

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest

from keras_vidrec.training import recipes
from keras_vidrec.training.callbacks.backup import Position
from keras_vidrec.training.callbacks.interruption import Interruption
from keras_vidrec.training.recipes.data import Validation
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from tests.cli.command import vidrec_process

# Columns of the log that tell of the machine, not of the network.
SPEED = {"clips_per_second", "input_wait"}


class Backup:
    """Counts how often it is asked to save."""

    position = Position(3, 5)

    def __init__(self, can_begin_here):
        self.can_begin_here = can_begin_here
        self.saved = 0

    def save(self):
        self.saved += 1


def test_ends_where_training_can_begin_again():
    before = signal.getsignal(signal.SIGTERM)
    backup = Backup(can_begin_here=True)
    interruption = Interruption(backup)
    # Nor does what follows begin, where the last epoch is over already.
    with pytest.raises(SystemExit, match="143"), interruption.listening():
        interruption.on_train_batch_end(0)
        interruption.on_epoch_end(0)
        backup.can_begin_here = False
        signal.raise_signal(signal.SIGTERM)
        interruption.on_train_batch_end(1)
        assert not backup.saved
        # A second one would end the process.
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        with pytest.raises(SystemExit, match="143"):
            interruption.on_epoch_end(0)
        backup.can_begin_here = True
        with pytest.raises(SystemExit, match="143"):
            interruption.on_train_batch_end(2)
        assert backup.saved == 2
    assert backup.saved == 3
    assert signal.getsignal(signal.SIGTERM) == before


def test_in_another_thread_nothing_is_taken_over():
    """Python refuses it there."""
    entered = []

    def listen():
        with Interruption(Backup(True)).listening():
            entered.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert entered == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize("told", [(0, 1), (0, 3), (0, 4), (1, 0), (1, 1)])
@pytest.mark.parametrize("ahead", [False, True])
def test_several_workers_end_behind_the_same_step(tmp_path, told, ahead):
    """Four steps an epoch. Worker 1 is told to end; worker 0 has looked
    whether it is in the same step, or will only look then."""
    notice = tmp_path / "notice.json"
    backups = [Backup(can_begin_here=True), Backup(can_begin_here=True)]
    workers = [Interruption(backup, notice) for backup in backups]
    ended = [None, None]

    def look(worker, position):
        epoch, step = position
        # Four steps behind the begin is the last one; 0 the end of an epoch.
        backups[worker].position = Position(epoch, step)
        backups[worker].can_begin_here = step < 4
        try:
            if step:
                workers[worker].on_train_batch_end(step - 1)
            else:
                workers[worker].on_epoch_end(epoch - 1)
        except SystemExit:
            ended[worker] = position

    positions = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3)]
    for position in positions:
        if position == told:
            workers[1]._receive(signal.SIGTERM, None)
        for worker in (0, 1) if ahead else (1, 0):
            look(worker, position)
        if any(ended):
            break
    assert (
        ended[0]
        == ended[1]
        == {
            (0, 1): (0, 2),
            (0, 3): (1, 0),
            (0, 4): (1, 0),
            (1, 0): (1, 1),
            (1, 1): (1, 2),
        }[told]
    )
    assert [backup.saved for backup in backups] == [1, 1]


@pytest.fixture(scope="module")
def arguments(small_videos, tmp_path_factory):
    """Of `vidrec train`, with all that has a memory: dropout, clips that are
    changed and mixed, gradients
    accumulated across the ends of epochs, best model, plateau schedule."""
    recipe = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    recipe = recipe.with_settings(
        [
            "clip.size=32",
            "augmentation.flip=true",
            "augmentation.rand_augment=5",
            "augmentation.mixup=0.4",
            "augmentation.cutmix.probability=0.5",
        ]
    )
    recipe = dataclasses.replace(
        recipe,
        optimizer=Optimizer(
            "sgd", learning_rate=0.1, clip_norm=1.0, batch_size=4, accumulate=2
        ),
        schedule=Schedule(epochs=6, kind="plateau", patience=1, factor=0.5),
        validation=Validation(fraction=0.5),
    )
    file = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    file.write_text(recipe.to_yaml())
    return ["train", file, "--backup-steps", "2"]


@pytest.fixture(scope="module")
def whole(arguments, tmp_path_factory):
    """Directory of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    vidrec_process(*arguments, "--out", out)
    return out


def start(arguments, out):
    return subprocess.Popen(
        [sys.executable, "-m", "keras_vidrec", *map(str, arguments)]
        + ["--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, condition):
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def assert_equal(run, whole):
    """The same weights to the last bit, and the same log."""
    one, two = (
        keras.models.load_model(path / "model.keras").get_weights()
        for path in (run, whole)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert log_of(run) == log_of(whole)


def log_of(run):
    with open(run / "log.csv", newline="") as file:
        return [
            {name: row[name] for name in row.keys() - SPEED}
            for row in csv.DictReader(file)
        ]


@pytest.mark.large
def test_killed_at_any_moment_and_resumed_equals_uninterrupted(
    arguments, whole, tmp_path
):
    run = tmp_path / "run"
    rates = [float(row["learning_rate"]) for row in log_of(whole)]
    assert rates[-1] < rates[0]

    def exists(pattern):
        return lambda: any((run / "backup").glob(pattern))

    for moment in (
        # While the first backup is being written.
        exists(".partial.epoch*/*"),
        # Within an epoch.
        exists("epoch-00001-step-0000002"),
        # After an epoch, maybe before an old backup has been removed.
        exists("epoch-0000[45]-*"),
    ):
        process = start(arguments, run)
        wait_for(process, moment)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (run / "model.keras").exists()
    vidrec_process(*arguments, "--out", run)
    assert_equal(run, whole)
    assert not list(run.rglob(".partial.*"))


@pytest.mark.large
def test_sigterm_saves_before_it_ends(arguments, whole, tmp_path):
    run = tmp_path / "run"
    process = start(arguments, run)
    wait_for(process, lambda: any((run / "backup").glob("epoch-0000[12]*")))
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143, told
    remark, line = told.splitlines()
    assert "mirrored" in remark  # left and right are classes here
    assert line.startswith("Stopped by SIGTERM after ")
    assert line.endswith("Run the same command again to resume.")
    backup = max((run / "backup").glob("epoch*"))
    epoch, step = int(backup.name[6:11]), int(backup.name[17:])
    assert f"after {epoch} epochs and {step} steps" in line
    vidrec_process(*arguments, "--out", run)
    assert_equal(run, whole)
