import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.training import recipes
from keras_vidrec.training.recipe_sections import Schedule
from keras_vidrec.training.stop_on_nan import LossIsNaN
from keras_vidrec.training.trainer import train


@pytest.fixture
def recipe(small_videos):
    """Two epochs of three steps, with dropout and random crops."""
    small = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    return dataclasses.replace(
        small.with_settings(["clip.size=32", "optimiser.batch_size=8"]),
        schedule=Schedule(epochs=2),
    )


def log_of(run):
    with open(run.log_file, newline="") as file:
        return list(csv.DictReader(file))


def weights_of(run):
    return keras.models.load_model(run.model_file).get_weights()


def test_a_run_holds_all_there_is_to_know(recipe, tmp_path):
    run = train(recipe, tmp_path / "run", verbose=0)
    assert run.recipe == recipe
    assert [row["epoch"] for row in log_of(run)] == ["0", "1"]
    assert any(run.tensorboard.rglob("events*"))
    model = run.load_model()
    description = keras_vidrec.describe(model)
    assert set(description.class_names) == set(KINDS)
    assert description.clip_spec.size == 32
    clips = np.zeros((1, 3, 32, 32, 3), "uint8")
    np.testing.assert_allclose(
        model.predict(clips, verbose=0).sum(), 1, atol=1e-6
    )
    # Trained to its end: the same command does nothing.
    before = run.model_file.stat().st_mtime_ns
    train(recipe, run.path, verbose=0)
    assert run.model_file.stat().st_mtime_ns == before


@pytest.mark.large
def test_killed_and_resumed_equals_uninterrupted(recipe, tmp_path):
    """kill -9 in the middle, then the same command."""
    recipe = dataclasses.replace(recipe, schedule=Schedule(epochs=4))
    whole = train(recipe, tmp_path / "whole", verbose=0)

    file = tmp_path / "recipe.yaml"
    file.write_text(recipe.to_yaml())
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "keras_vidrec", "train", str(file)]
    process = subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not any((out / "backup").glob("epoch-0000[12]")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "model.keras").exists()

    resumed = train(recipe, out, verbose=0)
    assert [row["epoch"] for row in log_of(resumed)] == list("0123")
    for one, two in zip(weights_of(whole), weights_of(resumed)):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_the_best_model_of_a_validation_part(recipe, tmp_path):
    recipe = recipe.with_settings(["validation.fraction=0.5"])
    run = train(recipe, tmp_path / "run", verbose=0)
    assert all(float(row["val_accuracy"]) >= 0 for row in log_of(run))
    assert run.load_model() is not None
    assert not run.best_file.exists()


def test_a_loss_that_is_no_number_stops_the_run(recipe, tmp_path):
    recipe = recipe.with_settings(
        ["optimiser.learning_rate=1e30", "optimiser.name=sgd"]
    )
    with pytest.raises(LossIsNaN, match="epoch 1, step"):
        train(recipe, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run" / "model.keras").exists()


def test_mixed_precision_is_of_this_run_only(recipe, tmp_path):
    recipe = dataclasses.replace(
        recipe, precision="mixed_bfloat16", schedule=Schedule(epochs=1)
    )
    run = train(recipe, tmp_path / "run", verbose=0)
    assert keras.config.dtype_policy().name == "float32"
    assert run.load_model().get_layer("rgb").output.dtype == "bfloat16"


@pytest.mark.parametrize(
    "setting, message",
    [
        ("network.application=TSM", "network.application='TSM'"),
        ("network.arguments.depth=50", "network.arguments.depth"),
        ("data.split=4", "data.split=4"),
        ("data.directory=/nowhere", "/nowhere"),
        ("data.directory=null", "data.directory=None"),
        ("network.arguments.modality=depth", "modality='depth'"),
        ("initialisation.weights=imagenet", "weights='imagenet'"),
    ],
)
def test_what_does_not_fit_is_told_before_training(
    recipe, tmp_path, setting, message
):
    with pytest.raises(ValueError, match=message):
        train(recipe.with_settings([setting]), tmp_path / "run", verbose=0)


@pytest.mark.large
def test_broken_videos_are_replaced_and_too_many_stop(recipe, tmp_path, caplog):
    import shutil

    from keras_vidrec.data.pipeline import TooManyFailures

    videos = tmp_path / "videos"
    shutil.copytree(recipe.data.directory, videos)
    recipe = recipe.with_data(directory=videos)
    clips = sorted(videos.glob("*/*_g02_*.avi"))
    clips[0].write_bytes(b"no video")
    train(recipe, tmp_path / "one", verbose=0)
    assert clips[0].name in caplog.text
    for clip in clips[1:4]:
        clip.write_bytes(b"")
    with pytest.raises(TooManyFailures, match="of 24 videos cannot be read"):
        train(recipe, tmp_path / "four", verbose=0)
