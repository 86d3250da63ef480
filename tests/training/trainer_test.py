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
from keras_vidrec.applications import TSN
from keras_vidrec.applications import model_file
from keras_vidrec.data import catalog
from keras_vidrec.data.prepare import prepare
from keras_vidrec.data.prepared_video import Preparation
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.training import network
from keras_vidrec.training import recipes
from keras_vidrec.training.backup import Backup
from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.sections import Network
from keras_vidrec.training.sections import Optimiser
from keras_vidrec.training.sections import Schedule
from keras_vidrec.training.stop_on_nan import LossIsNaN
from keras_vidrec.training.trainer import train
from tests.training.two_towers import clips
from tests.training.two_towers import two_towers


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


@pytest.fixture
def two_streams(small_videos, tmp_path, monkeypatch):
    """A recipe whose network has a loss on each of two towers, and the
    networks that were built for it."""
    built = []

    def build(recipe, class_names):
        built.append(two_towers(class_names, dropout=0.3))
        return built[-1]

    monkeypatch.setattr(network, "build", build)
    # Flow that is made once: what a run costs is the network.
    out = tmp_path / "prepared"
    preparation = Preparation(flow="dis", size="40x32")
    prepare(catalog.discover(small_videos), out, preparation, workers=1)
    recipe = Recipe(
        name="two_streams",
        network=Network("TwoStreamFusion"),
        optimiser=Optimiser("adam", learning_rate=0.01, batch_size=8),
        schedule=Schedule(epochs=2),
    )
    return recipe.with_data(directory=out), built


def test_towers_are_trained_and_the_joint_network_is_saved(
    two_streams, tmp_path
):
    recipe, built = two_streams
    run = train(recipe, tmp_path / "run", verbose=0)
    rows = log_of(run)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    # Keras adds empty columns for a validation part.
    assert {name for name, value in rows[0].items() if value != "NA"} == {
        "epoch",
        "loss",
        "rgb_loss",
        "flow_loss",
        "predictions_accuracy",
    }
    for row in rows:
        parts = float(row["rgb_loss"]) + float(row["flow_loss"])
        assert float(row["loss"]) == pytest.approx(parts, rel=1e-5)
    saved, (in_memory,) = run.load_model(), built
    assert saved.output_shape == (None, len(KINDS))
    pixels, _ = clips(2, size=16)
    np.testing.assert_allclose(
        saved.predict(pixels, verbose=0),
        in_memory.predict(pixels, verbose=0)["predictions"],
        atol=1e-6,
    )
    assert keras_vidrec.describe(saved).clip_spec.modalities == ("rgb", "flow")


def test_an_interrupted_run_of_two_towers_goes_on(
    two_streams, tmp_path, monkeypatch
):
    """With a validation part, dropout, and the best model so far."""
    recipe, _ = two_streams
    recipe = recipe.with_settings(["validation.fraction=0.5"])
    whole = train(recipe, tmp_path / "whole", verbose=0)

    class Interrupted(RuntimeError):
        pass

    def stop(backup, epoch, logs=None):
        keep(backup, epoch, logs)
        raise Interrupted

    keep = Backup.on_epoch_end
    monkeypatch.setattr(Backup, "on_epoch_end", stop)
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "run", verbose=0)
    monkeypatch.setattr(Backup, "on_epoch_end", keep)
    resumed = train(recipe, tmp_path / "run", verbose=0)

    for one, two in zip(log_of(whole), log_of(resumed), strict=True):
        assert one.keys() == two.keys()
        assert "val_predictions_accuracy" in one
        for name, value in one.items():
            assert float(two[name]) == pytest.approx(float(value), rel=1e-4)
    for one, two in zip(weights_of(whole), weights_of(resumed), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
    assert resumed.load_model().output_shape == (None, len(KINDS))


def test_the_sum_of_the_losses_that_is_no_number_stops_the_run(
    two_streams, tmp_path
):
    recipe, _ = two_streams
    recipe = recipe.with_settings(
        ["optimiser.learning_rate=1e30", "optimiser.name=sgd"]
    )
    with pytest.raises(LossIsNaN, match="epoch 1, step"):
        train(recipe, tmp_path / "run", verbose=0)


@pytest.mark.large
@pytest.mark.parametrize(
    "name, setting",
    [
        ("two_stream_fusion_scratch", "clip.size=64"),
        ("st_multiplier_scratch", "clip.size=32"),
    ],
)
def test_recipes_of_two_streams(small_videos, tmp_path, name, setting):
    """Both streams from networks of their own, flow made of the videos."""
    streams = {}
    for stream, length in (("rgb", None), ("flow", 10)):
        streams[stream] = tmp_path / f"{stream}.keras"
        model_file.save(
            TSN(backbone="tiny", modality=stream, snippet_length=length),
            streams[stream],
        )
    frozen = "[rgb, flow]" if name.startswith("two_stream") else "[]"
    recipe = recipes.get(name).with_settings(
        [
            setting,
            "clip.flow={method: dis}",
            "clip.stride=[1, 2]",
            "schedule.epochs=1",
            "optimiser.accumulate=2",
            "validation.fraction=0.5",
            f"initialisation.frozen={frozen}",
            f"initialisation.weights={{rgb: {streams['rgb']}, "
            f"flow: {streams['flow']}}}",
        ]
    )
    recipe = recipe.with_data(directory=small_videos)
    run = train(recipe, tmp_path / name, verbose=0)
    (row,) = log_of(run)
    assert 0 <= float(row["val_predictions_accuracy"]) <= 1
    model = run.load_model()
    assert model.output_shape == (None, len(KINDS))
    if frozen != "[]":
        source = model_file.load(streams["flow"]).get_layer("flow")
        tower = model.get_layer("flow_tower")
        for one, two in zip(source.get_weights(), tower.get_weights()):
            np.testing.assert_array_equal(one, two)
