"""What trained networks say they were made from, and what is refused."""

import dataclasses
import functools
import os
import shutil
import signal

import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.backbones import table
from keras_vidrec.data import leaks
from keras_vidrec.evaluation import evaluator
from keras_vidrec.specs import Origin
from keras_vidrec.training import dataset
from keras_vidrec.training import initialization
from keras_vidrec.training import origin as origins
from keras_vidrec.training import recipes
from keras_vidrec.training.callbacks.stop_on_nan import StopOnNaN
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.trainer import train

CLASSES = ("Dots", "Grow", "MoveLeft")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Trainings take as long as their networks have layers: here is one, and
    nothing is compiled."""

    def one_layer(x):
        x = keras.layers.Conv2D(8, 5, 4, activation="relu", name="conv1")(x)
        return (yield "relu1", x)

    row = dataclasses.replace(
        table.BACKBONES["tiny"], build=one_layer, units=None
    )
    eager = functools.partialmethod(keras.Model.compile, run_eagerly=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "BACKBONES", {**table.BACKBONES, "tiny": row})
        patch.setattr(keras.Model, "compile", eager)
        yield


def recipe_of(videos, *settings, epochs=1):
    small = recipes.get("quickstart_rgb").with_data(directory=videos)
    small = small.with_settings(
        ["clip.size=32", "optimizer.batch_size=3", *settings]
    )
    return dataclasses.replace(small, schedule=Schedule(epochs=epochs))


@pytest.fixture(scope="module")
def videos(small_videos, tmp_path_factory):
    """Nine videos with two splits: the first group is the test of one, the
    second that of the other."""
    directory = tmp_path_factory.mktemp("origin") / "videos"
    names = []
    for name in CLASSES:
        shutil.copytree(small_videos / name, directory / name)
        names += [f"{name}/{p.name}" for p in (directory / name).iterdir()]
    lists = directory / "ucfTrainTestlist"
    lists.mkdir()
    rows = [f"{label} {name}\n" for label, name in enumerate(CLASSES, 1)]
    (lists / "classInd.txt").write_text("".join(rows))
    for split in (1, 2):
        test = [name for name in names if f"_g{split:02d}_" in name]
        rest = [name for name in names if name not in test]
        for part, listed in (("test", test), ("train", rest)):
            (lists / f"{part}list{split:02d}.txt").write_text(
                "".join(
                    f"{name} {CLASSES.index(name.split('/')[0]) + 1}\n"
                    for name in sorted(listed)
                )
            )
    return directory


@pytest.fixture(scope="module")
def first(videos, tmp_path_factory):
    """A run on split 1."""
    return train(
        recipe_of(videos), tmp_path_factory.mktemp("first") / "run", verbose=0
    )


def test_a_network_knows_its_videos_and_its_dataset(first, videos):
    model = first.load_model()
    origin = describe(model).origin
    data = dataset.load(recipe_of(videos))
    source = data.source
    assert origin == first.origin
    assert origin.fingerprint == feature_tower.fingerprint(model)
    assert (origin.kind, origin.split, origin.marks) == ("network", 1, ())
    assert origin.trained_on.common(leaks.video_set(source, data.train)) == (
        *range(len(data.train)),
    )
    assert not origin.leaks(leaks.video_set(source, data.test))
    assert origin.parents == {"dataset": source.origin()}
    assert origin.parents["dataset"].kind == "videos"
    assert origin.content is not None and origin.decoder is not None
    names = {video.name for video in first.videos.test}
    assert names == {source.videos[index] for index in data.test}


def test_weights_that_have_seen_the_test_are_refused(
    first, videos, tmp_path, caplog
):
    recipe = recipe_of(
        videos, f"initialization.weights={first.path}", "data.split=2"
    )
    with pytest.raises(ValueError, match="of the test were trained on, 3 of 3"):
        train(recipe, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
    run = train(recipe, tmp_path / "run", verbose=0, allow_leak=True)
    mark = "3 of 3 videos of the test were trained on by weights."
    assert mark in caplog.text
    origin = describe(run.load_model()).origin
    assert origin.marks == leaks.marks(origin) == (mark,)
    assert origin.split == 2
    assert origin.parents["weights"] == describe(first.load_model()).origin
    # The same split is no leak, and the list stands in the file once.
    recipe = recipe_of(videos, f"initialization.weights={first.path}")
    again = train(recipe, tmp_path / "again", verbose=0)
    start = again.origin.parents["weights"]
    assert start.trained_on is None
    assert start.training_list == again.origin.training_list
    assert start.fingerprint == first.origin.fingerprint


def test_nothing_is_known_of_a_network_of_somebody_else(
    first, videos, tmp_path, caplog
):
    model = first.load_model()
    predictions_layer(model).origin = None
    model_file.save(model, tmp_path / "theirs.keras")
    recipe = recipe_of(
        videos,
        f"initialization.weights={tmp_path / 'theirs.keras'}",
        "data.split=2",
    )
    caplog.clear()
    run = train(recipe, tmp_path / "run", verbose=0)
    assert "training videos of weights of" in caplog.text
    assert run.origin.parents["weights"].fingerprint is not None


def test_two_streams_are_told_apart(first, videos):
    """A start from a network for each stream."""
    network = first.load_model()
    theirs = first.load_model()
    predictions_layer(theirs).origin = None
    found = initialization.parents({"rgb": network, "flow": theirs})
    (line,) = leaks.remarks(first.origin.replace(parents=found), "run")
    assert "training videos of weights > flow of run are" in line
    data = dataset.load(recipe_of(videos, "data.split=2"))
    origin = first.origin.replace(trained_on=None, parents=found)
    with pytest.raises(ValueError, match=r"by: weights > rgb \(3\)$"):
        leaks.check(origin, data.source, data.test)
    assert initialization.parents(None) == {}


def test_features_of_other_networks_end_a_run():
    before, now = (
        Origin("network", parents={"features": Origin(parents={"rgb": made})})
        for made in (Origin("network", "one"), Origin("network", "two"))
    )
    origins.check_same_networks(before, before, "features")
    with pytest.raises(
        ValueError, match=r"network one \(features > rgb\).*Received: by two"
    ):
        origins.check_same_networks(before, now, "features")


def test_a_run_goes_on_with_the_videos_it_began_with(
    videos, tmp_path, monkeypatch, caplog
):
    """A folder without lists, a training that is ended, and data that
    change."""
    data = tmp_path / "videos"
    for name in CLASSES:
        shutil.copytree(videos / name, data / name)
    recipe = recipe_of(data, epochs=2)
    whole = train(recipe, tmp_path / "whole", verbose=0)
    look = StopOnNaN.on_train_batch_end

    def look_and_end(callback, batch, logs=None):
        look(callback, batch, logs)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(StopOnNaN, "on_train_batch_end", look_and_end)
        with pytest.raises(SystemExit, match="143"):
            train(recipe, tmp_path / "run", verbose=0)

    def refused(message):
        with pytest.raises(ValueError, match=message):
            train(recipe, tmp_path / "run", verbose=0)

    (data / "Dots").rename(data / "Zebra")
    refused(
        r"classes: gone Dots \(1\), new Zebra \(1\); removed: Dots/.*Zebra/"
    )
    (data / "Zebra").rename(data / "Dots")

    trained = sorted(video.name for video in whole.videos.train)
    one = data / trained[0]
    (tmp_path / "kept").mkdir()
    os.replace(one, tmp_path / "kept" / one.name)
    refused(rf"removed: {trained[0]} \(1\)")
    shutil.copy(data / trained[-1], one)
    refused(rf"replaced by others of the same name: {trained[0]} \(1\)")
    os.replace(tmp_path / "kept" / one.name, one)
    os.rename(one, data / "Grow" / one.name)
    refused(rf"removed: {trained[0]} \(now Grow/{one.name}\) \(1\)")
    os.rename(data / "Grow" / one.name, one)

    # What is added is not used.
    for number in range(4, 8):
        extra = one.with_name(one.name.replace("_g0", f"_g{number}"))
        shutil.copy(one, extra)
        extra.write_bytes(one.read_bytes() + bytes(number + 1))
    caplog.clear()
    run = train(recipe, tmp_path / "run", verbose=0)
    assert "Added since the run started, and not used: Dots/" in caplog.text
    assert run.origin == whole.origin
    for one, other in zip(
        run.load_model().get_weights(), whole.load_model().get_weights()
    ):
        np.testing.assert_array_equal(one, other)
    caplog.clear()
    _, scores = evaluator.evaluate(run.path, verbose=False)
    assert {*scores.videos} == {video.name for video in run.videos.test}
    assert "not used: Dots/" in caplog.text
    # The backup knows them too.
    run.videos_file.unlink()
    refused("The backup is from a training on other videos")
