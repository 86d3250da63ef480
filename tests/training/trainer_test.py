import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.clips import short_videos
from keras_vidrec.data.failures import TooManyFailures
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.specs import fingerprint
from keras_vidrec.training import dataset
from keras_vidrec.training import network
from keras_vidrec.training import recipes
from keras_vidrec.training.callbacks.stop_on_nan import LossIsNaN
from keras_vidrec.training.devices import distribution
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.trainer import train
from tests.training.runs import assert_equal
from tests.training.runs import log_of
from tests.training.runs import weights_of
from tests.training.two_towers import clips
from tests.training.two_towers import two_towers


@pytest.fixture
def recipe(small_videos):
    """Two epochs of three steps, with dropout and random crops."""
    small = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    return dataclasses.replace(
        small.with_settings(["clip.size=32", "optimizer.batch_size=8"]),
        schedule=Schedule(epochs=2),
    )


def videos_of(recipe):
    """Names of the videos that a run of the recipe is trained on."""
    data = dataset.load(recipe)
    return [data.source.videos[index] for index in data.train]


@pytest.mark.usefixtures("eager")
def test_a_run_holds_all_there_is_to_know(
    recipe, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(
        short_videos,
        "remark",
        lambda source, train, spec: f"{len(train)} short for {spec.sampling}",
    )
    run = train(recipe, tmp_path / "run", verbose=0)
    assert caplog.messages.count("24 short for tsn_caffe") == 1
    assert run.recipe == recipe
    assert [row["epoch"] for row in log_of(run)] == ["0", "1"]
    assert any(run.tensorboard.rglob("events*"))
    model = run.load_model()
    description = keras_vidrec.describe(model)
    assert set(description.class_names) == set(KINDS)
    assert description.clip_spec.size == 32
    assert description.test_protocol == recipe.test
    names = sorted(videos_of(recipe))
    origin = description.origin
    assert origin.training_list == fingerprint(names)
    assert origin.videos == fingerprint(
        [(name, name.partition("/")[0]) for name in names]
    )
    source = dataset.load(recipe).source
    assert (origin.split, origin.marks) == (1, ())
    assert origin.parents == {"dataset": source.origin()}
    assert origin.versions["keras"] == keras.__version__
    clips = np.zeros((1, 3, 32, 32, 3), "uint8")
    np.testing.assert_allclose(
        model.predict(clips, verbose=0).sum(), 1, atol=1e-6
    )
    # Trained to its end: the same command does nothing.
    before = run.model_file.stat().st_mtime_ns
    train(recipe, run.path, verbose=0)
    assert run.model_file.stat().st_mtime_ns == before
    environment = json.loads(run.environment_file.read_text("utf-8"))
    assert environment["seed"] == recipe.seed
    assert len(environment["starts"]) == 2


@pytest.mark.usefixtures("eager")
def test_its_recipe_repeats_it(two_streams, tmp_path):
    recipe, _ = two_streams
    recipe = recipe.with_settings(["seed=3", "schedule.epochs=1"])
    one = train(recipe, tmp_path / "one", verbose=0)
    two = train(recipes.get(str(one.recipe_file)), tmp_path / "two", verbose=0)
    assert_equal(one, two)


@pytest.mark.usefixtures("eager")
def test_determinism_comes_before_the_devices(recipe, tmp_path, monkeypatch):
    """JAX begins when it is asked for its devices."""
    calls = []
    choose = distribution.choose
    monkeypatch.setattr(
        distribution, "enable_determinism", lambda: calls.append("enable")
    )
    monkeypatch.setattr(
        distribution,
        "choose",
        lambda which: (calls.append("choose"), choose(which))[1],
    )
    recipe = recipe.with_settings(["data.directory=/nowhere"])
    with pytest.raises(ValueError, match="/nowhere"):
        train(recipe, tmp_path / "run", deterministic=True)
    assert calls == ["enable", "choose"]


def test_nothing_to_train_on(recipe, small_videos, tmp_path):
    video = next(small_videos.rglob("*.avi")).relative_to(small_videos)
    listed = tmp_path / "list.csv"
    listed.write_text(f"path,label,split\n{video},{video.parent},test\n")
    recipe = recipe.with_settings([f"data.list={listed}"])
    with pytest.raises(
        ValueError, match="train on.*1 videos, none of them in the"
    ):
        train(recipe, tmp_path / "run")
    listed.write_text(f"path,label,split\n{video},{video.parent},train\n")
    with pytest.raises(ValueError, match="several classes.*all of class 'Move"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_channels_first_are_refused_before_videos_are_read(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        keras.config, "image_data_format", lambda: "channels_first"
    )
    monkeypatch.setattr(dataset, "load", None)
    with pytest.raises(ValueError, match="`image_data_format`. Expected"):
        train(recipe, tmp_path / "run")


@pytest.mark.parametrize(
    "weights, message",
    [
        ("preset:tsn_nothing", "Unknown preset.*preset:tsn_nothing"),
        ("{rgb: imagenet, flow: no_run}", r"initialization.weights.flow.*no_"),
    ],
)
def test_missing_initial_weights_are_refused_before_videos_are_read(
    tmp_path, weights, message
):
    recipe = recipes.get("scratch").with_settings(
        [f"initialization.weights={weights}"]
    )
    with pytest.raises(ValueError, match=message):
        train(recipe, tmp_path / "run", data=tmp_path / "no_videos")


@pytest.mark.usefixtures("eager")
def test_the_best_model_of_a_validation_part(recipe, tmp_path):
    recipe = recipe.with_settings(
        ["validation.fraction=0.5", "schedule.epochs=1"]
    )
    run = train(recipe, tmp_path / "run", verbose=0)
    (row,) = log_of(run)
    assert float(row["val_accuracy"]) >= 0
    assert run.load_model() is not None
    assert not run.best_file.exists()


@pytest.mark.usefixtures("eager")
def test_a_loss_that_is_no_number_stops_the_run(recipe, tmp_path):
    recipe = recipe.with_settings(
        ["optimizer.learning_rate=1e30", "optimizer.name=sgd"]
    )
    with pytest.raises(LossIsNaN, match="epoch 1, step"):
        train(recipe, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run" / "model.keras").exists()


@pytest.mark.usefixtures("eager")
def test_weights_ruined_by_the_last_update_are_no_model(recipe, tmp_path):
    recipe = recipe.with_settings(
        ["optimizer.batch_size=24", "schedule.epochs=1", "optimizer.name=sgd"]
    )
    recipe = recipe.with_settings(["optimizer.learning_rate=1e39"])
    with pytest.raises(LossIsNaN, match="ended. Expected finite weights"):
        train(recipe, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run" / "model.keras").exists()


@pytest.mark.usefixtures("eager")
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
        ("initialization.weights=imagenet", "weights='imagenet'"),
    ],
)
def test_what_does_not_fit_is_told_before_training(
    recipe, tmp_path, setting, message
):
    with pytest.raises(ValueError, match=message):
        train(recipe.with_settings([setting]), tmp_path / "run", verbose=0)


def test_a_machine_that_is_offline(recipe, tmp_path, monkeypatch):
    """It says how to pass a file before a video is read."""

    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(VideoFiles, "read", None)
    recipe = recipe.with_settings(
        [
            "network.arguments.backbone=resnet50_caffe",
            "initialization.weights=imagenet",
        ]
    )
    with pytest.raises(OSError, match="as VIDREC_OFFLINE is.*import-weights"):
        train(recipe, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("eager")
@pytest.mark.large
def test_broken_videos_are_replaced_and_too_many_stop(recipe, tmp_path, caplog):
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


@pytest.fixture(scope="module")
def prepared(small_videos, tmp_path_factory):
    """Flow that is made once: what a run costs is the network."""
    out = tmp_path_factory.mktemp("prepared")
    preparation = Preparation(flow="dis", size="short32")
    prepare(catalog.discover(small_videos), out, preparation, workers=1)
    return out


@pytest.fixture
def two_streams(prepared, monkeypatch):
    """A recipe whose network has a loss on each of two towers, and the
    networks that were built for it."""
    built = []

    def build(recipe, class_names):
        built.append(two_towers(class_names, dropout=0.3))
        return built[-1]

    monkeypatch.setattr(network, "build", build)
    recipe = Recipe(
        name="two_streams",
        network=Network("TwoStreamFusion"),
        optimizer=Optimizer("adam", learning_rate=0.01, batch_size=8),
        schedule=Schedule(epochs=2),
    )
    return recipe.with_data(directory=prepared), built


@pytest.mark.usefixtures("eager")
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
        "learning_rate",
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


@pytest.mark.usefixtures("eager")
def test_a_terminated_run_goes_on(two_streams, tmp_path, at_step, caplog):
    """In the middle of an epoch, behind its last step, in its first one, with
    all that has a memory: dropout, gradients accumulated across the ends of
    epochs, averages of weights, best model, plateau schedule, early stop."""
    recipe, _ = two_streams
    recipe = recipe.with_settings(["validation.fraction=0.5"])
    recipe = dataclasses.replace(
        recipe,
        optimizer=dataclasses.replace(
            recipe.optimizer,
            batch_size=4,
            accumulate=2,
            clip_norm=1.0,
            ema=0.5,
        ),
        schedule=Schedule(
            epochs=20, kind="plateau", patience=2, factor=0.5, early_stop=3
        ),
    )
    whole = train(recipe, tmp_path / "whole", verbose=0)
    rates = [float(row["learning_rate"]) for row in log_of(whole)]
    assert len(rates) < 20 and rates[-1] < rates[0]

    def terminate():
        signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    out = tmp_path / "run"
    for step, epoch_and_step in ((1, (0, 2)), (0, (1, 0)), (3, (2, 1))):
        with pytest.raises(SystemExit, match="143"):
            at_step(step, terminate, recipe, out)
        name = "epoch-{:05d}-step-{:07d}".format(*epoch_and_step)
        # The one before is removed by the step that proves the last.
        assert name == max(path.name for path in out.glob("backup/epoch*"))
        told = "after {} epochs and {} steps".format(*epoch_and_step)
        assert told in caplog.text
    assert signal.getsignal(signal.SIGTERM) == before
    assert_equal(train(recipe, out, verbose=0), whole)
    # Stopped early means trained to its end.
    caplog.clear()
    train(recipe, out, verbose=0)
    assert "already fully trained" in caplog.text
    assert len(log_of(whole)) == len(rates)


@pytest.mark.usefixtures("eager")
def test_an_epoch_of_several_passes(two_streams, tmp_path, at_step):
    """The same updates as of as many epochs, also from the middle of one."""
    recipe, _ = two_streams
    several, passes = (
        dataclasses.replace(recipe, schedule=schedule)
        for schedule in (Schedule(epochs=4), Schedule(epochs=2, passes=2))
    )
    expected = train(several, tmp_path / "epochs", verbose=0)
    steps = 4 * len(videos_of(recipe)) // recipe.optimizer.batch_size

    def terminate():
        signal.raise_signal(signal.SIGTERM)

    out = tmp_path / "passes"
    with pytest.raises(SystemExit, match="143"):
        at_step(steps // 2 - 2, terminate, passes, out)
    found = train(passes, out, verbose=0)
    for one, two in zip(weights_of(found), weights_of(expected), strict=True):
        np.testing.assert_array_equal(one, two)
    assert [row["epoch"] for row in log_of(found)] == ["0", "1"]


@pytest.mark.usefixtures("eager")
def test_a_full_disk_in_the_middle(two_streams, tmp_path, at_step):
    """One clear error; the backup before stays, and is gone on from."""
    recipe, _ = two_streams
    whole = train(recipe, tmp_path / "whole", verbose=0)
    free = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, free[1]))

    out = tmp_path / "run"
    try:
        with pytest.raises(OSError, match=r"run cannot be written \(File too"):
            at_step(3, fill, recipe, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, free)
    assert [path.name for path in (out / "backup").iterdir()] == [
        "epoch-00001-step-0000000"
    ]
    assert_equal(train(recipe, out, verbose=0), whole)


def test_a_shard_that_is_cut_off_in_the_middle(two_streams, tmp_path, at_step):
    recipe, _ = two_streams
    videos = tmp_path / "prepared"
    shutil.copytree(recipe.data.directory, videos)
    recipe = recipe.with_data(directory=videos)
    recipe = recipe.with_settings(["schedule.epochs=4"])
    whole = train(recipe, tmp_path / "whole", verbose=0)
    (shard,) = pathlib.Path(recipe.data.directory).glob("rgb/*.tfrecord")
    content = shard.read_bytes()

    def cut_off():
        os.truncate(shard, 100)

    out = tmp_path / "run"
    with pytest.raises(TooManyFailures, match="shorter than its index says"):
        at_step(3, cut_off, recipe, out)
    # Clips that were read ahead were good.
    assert [*(out / "backup").glob("epoch-0000[123]-step-0000000")]
    shard.write_bytes(content)
    assert_equal(train(recipe, out, verbose=0), whole)


def test_no_step_between_backups(recipe, tmp_path):
    with pytest.raises(ValueError, match="Received: backup_steps=0"):
        train(recipe, tmp_path / "run", backup_steps=0)


@pytest.mark.usefixtures("eager")
def test_the_sum_of_the_losses_that_is_no_number_stops_the_run(
    two_streams, tmp_path
):
    recipe, _ = two_streams
    recipe = recipe.with_settings(
        ["optimizer.learning_rate=1e30", "optimizer.name=sgd"]
    )
    with pytest.raises(LossIsNaN, match="epoch 1, step"):
        train(recipe, tmp_path / "run", verbose=0)


@pytest.mark.usefixtures("eager")
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
            "schedule.passes=1",
            "optimizer.accumulate=2",
            "validation.fraction=0.5",
            f"initialization.frozen={frozen}",
            f"initialization.weights={{rgb: {streams['rgb']}, "
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
