"""STFN in its two stages: behind frozen networks of one stream, then from end
to end."""

import dataclasses
import functools
import json
import shutil
import signal

import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.backbones import table
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.reporting import chain
from keras_vidrec.training import recipes
from keras_vidrec.training.callbacks.backup import Backup
from keras_vidrec.training.trainer import train
from keras_vidrec.weights.towers import towers
from tests.cli.command import vidrec

CLASSES = ("Dots", "Grow", "MoveLeft")
SMALL = (
    "network.arguments.backbone=tiny",
    "network.arguments.num_segments=2",
    "clip.size=32",
    "clip.frame.size=short36",
    "clip.flow={method: dis, bound: 4.0}",
    "optimizer.batch_size=3",
    "optimizer.accumulate=1",
    "optimizer.learning_rate=0.01",
    "validation.fraction=0.5",
    "schedule.epochs=2",
    "schedule.early_stop=null",
)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Trainings take as long as their networks have layers: here is one with
    statistics, and nothing is compiled."""

    def two_layers(x):
        x = keras.layers.Conv2D(8, 5, 4, name="conv1")(x)
        x = BatchNormalization(name="bn_conv1")(x)
        return (yield "relu1", keras.layers.ReLU(name="relu1")(x))

    row = dataclasses.replace(
        table.BACKBONES["tiny"], build=two_layers, units=None
    )
    eager = functools.partialmethod(keras.Model.compile, run_eagerly=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "BACKBONES", {**table.BACKBONES, "tiny": row})
        patch.setattr(keras.Model, "compile", eager)
        yield


@pytest.fixture(scope="module")
def videos(small_videos, tmp_path_factory):
    directory = tmp_path_factory.mktemp("stages") / "videos"
    for name in CLASSES:
        shutil.copytree(small_videos / name, directory / name)
    return directory


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    """Files of networks of one stream, each weight with a value of its own."""
    out, files = tmp_path_factory.mktemp("streams"), {}
    rng = np.random.default_rng(0)
    for stream, length in (("rgb", None), ("flow", 10)):
        model = TSN(
            backbone="tiny", modality=stream, snippet_length=length, classes=3
        )
        model.set_weights(
            [np.exp(rng.normal(0, 0.3, w.shape)) for w in model.weights]
        )
        predictions_layer(model).class_names = CLASSES
        files[stream] = str(out / f"{stream}.keras")
        model_file.save(model, files[stream])
    return files


def recipe_of(stage, videos, weights, *settings):
    recipe = recipes.get(f"stfn_{stage}_ucf101").with_data(directory=videos)
    recipe = recipe.with_settings([*SMALL, *settings])
    return recipe.with_values({"initialization.weights": weights})


@pytest.fixture(scope="module")
def first(videos, streams, tmp_path_factory):
    out = tmp_path_factory.mktemp("first") / "run"
    return train(recipe_of("stage1", videos, streams), out, verbose=0)


def values(layer):
    return [keras.ops.convert_to_numpy(weight) for weight in layer.weights]


def test_the_first_stage_leaves_towers_as_they_were(first, streams):
    model = first.load_model()
    for stream, tower in towers(model).items():
        (source,) = towers(model_file.load(streams[stream])).values()
        assert any("moving_mean" in w.path for w in tower.weights)
        for one, two in zip(values(source), values(tower), strict=True):
            np.testing.assert_array_equal(one, two)
        # The classifier before would fit, and does not see the same.
        head = model_file.load(streams[stream]).get_layer("logits")
        assert np.any(
            values(head)[0] != values(model.get_layer(f"{stream}_logits"))[0]
        )
    # What is behind is trained: its statistics have moved.
    for name in ("rgb_res_inc_1", "flow_res_inc_2"):
        moved = [
            value
            for weight, value in zip(
                model.get_layer(name).weights, values(model.get_layer(name))
            )
            if "moving_mean" in weight.path
        ]
        assert all(np.any(value) for value in moved)
    spec = describe(model).clip_spec
    assert (spec.sampling, spec.alignment) == ("uniform", "centered")


def test_it_says_what_it_started_from(first):
    origin = describe(first.load_model()).origin
    blocks = [f"{s}_res_inc_{n}" for s in ("flow", "rgb") for n in (1, 2)]
    assert origin.random == tuple(
        sorted(("flow_logits", "rgb_logits", *blocks))
    )
    assert origin.random == first.origin.random
    assert {*origin.parents["weights"].parents} == {"rgb", "flow"}
    told = "\n".join(chain.lines(origin))
    assert "random weights: flow_logits, flow_res_inc_1, " in told
    assert "flow: network" in told and "rgb: network" in told


def test_the_first_stage_goes_on(videos, streams, first, tmp_path):
    """From the end of its first epoch, to the same weights."""
    backed_up = Backup.on_epoch_end

    def then_terminate(backup, epoch, logs=None):
        backed_up(backup, epoch, logs)
        signal.raise_signal(signal.SIGTERM)

    recipe, out = recipe_of("stage1", videos, streams), tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backup, "on_epoch_end", then_terminate)
        with pytest.raises(SystemExit, match="143"):
            train(recipe, out, verbose=0)
    run = train(recipe, out, verbose=0)
    for one, two in zip(
        values(first.load_model()), values(run.load_model()), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    assert run.origin.random == first.origin.random


@pytest.fixture(scope="module")
def second(first, videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("second") / "run"
    recipe = recipe_of("stage2", videos, str(first.path), "schedule.epochs=1")
    return train(recipe, out, verbose=0)


def test_the_second_stage_moves_everything(first, second):
    before, model = first.load_model(), second.load_model()
    for stream, tower in towers(model).items():
        kernel, *_ = values(towers(before)[stream])
        assert np.any(kernel != values(tower)[0])
        assert np.abs(kernel - values(tower)[0]).max() < 0.1
    origin = describe(model).origin
    assert origin.random == ()
    stage1 = origin.parents["weights"]
    assert stage1.fingerprint == first.origin.fingerprint
    assert stage1.random == first.origin.random
    assert {*stage1.parents["weights"].parents} == {"rgb", "flow"}


@pytest.mark.large
def test_what_comes_after(second, videos, tmp_path):
    """Evaluation, prediction, export and origin, as a user does it."""
    vidrec("evaluate", second.path)
    (path,) = second.path.glob("scores/*.npz")
    scores = Scores.load(path)
    clip = videos / scores.videos[0]
    out, _ = vidrec("predict", second.path, clip, "--json", "--top=3")
    said = json.loads(out)
    found = dict(zip(said["classes"], said["probabilities"]))
    # Scores are the logarithm of the mean of five sequences' probabilities.
    np.testing.assert_allclose(
        [found[name] for name in scores.classes],
        np.exp(scores.scores[0]),
        atol=1e-5,
    )
    out, _ = vidrec("export", second.path, "--format", "onnx")
    assert "Reloaded and compared" in out
    out, _ = vidrec("origin", second.path)
    assert "weights: network" in out
    assert "at random: flow_logits, flow_res_inc_1, " in out
    assert "flow: network" in out and "rgb: network" in out


def test_other_ways_are_refused(first, videos, streams, tmp_path):
    for stage, weights, settings, message in (
        ("stage1", {"rgb": None, "flow": None}, [], "weights.rgb=None"),
        ("stage1", None, [], r"frozen=\[\]"),
        ("stage1", {"rgb": streams["rgb"]}, [], "each stream of"),
        ("stage2", {"network": None}, [], "initialization.weights=None"),
        (
            "stage2",
            str(first.path),
            ["network.arguments.num_blocks=3"],
            r"flow_res_inc_3, rgb_res_inc_3 \(2 layers\)",
        ),
    ):
        recipe = recipe_of(stage, videos, weights, *settings)
        with pytest.raises(ValueError, match=message):
            train(recipe, tmp_path / "run", verbose=0)
        assert not (tmp_path / "run").exists()
