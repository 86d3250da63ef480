import os
import pathlib

import numpy as np
import pytest

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.prepared.features import FeatureSettings
from keras_vidrec.data.preparing.feature_writer import FeatureWriter
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.scores.metrics import top_k_accuracy
from keras_vidrec.training import dataset
from keras_vidrec.training import network
from keras_vidrec.training import recipes
from keras_vidrec.training.callbacks.backup import Backup
from keras_vidrec.training.trainer import train
from tests.applications.feature_networks import FEATURES
from tests.applications.feature_networks import ordered_events
from tests.evaluation.mean_color_network import softmax

CLASSES = tuple("abcdef")
# Six videos of each class to train on, two to test on.
NUM_VIDEOS, NUM_TRAIN = 48, 36


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def write(directory, num_frames, grid="feature_grid", sizes=(FEATURES,) * 2):
    """Features of three events in any order, which is the class."""
    found, labels = ordered_events(NUM_VIDEOS, num_frames, seed=1)
    sizes = dict(zip(found, sizes))
    videos = tuple(f"{i:02d}.avi" for i in range(NUM_VIDEOS))
    catalog = catalogs.Catalog(
        root=pathlib.Path("videos"),
        videos=videos,
        labels=tuple(labels.tolist()),
        groups=videos,
        classes=CLASSES,
        splits={
            1: Split(
                tuple(range(NUM_TRAIN)), tuple(range(NUM_TRAIN, NUM_VIDEOS))
            )
        },
    )
    settings = FeatureSettings(
        features=sizes,
        networks=dict.fromkeys(sizes, "tsn"),
        crops=dict.fromkeys(sizes, 112),
        grid=grid,
        num_frames=num_frames,
        flow={"method": "dis", "bound": 20.0},
    )
    with FeatureWriter(catalog, directory, settings, 10**6) as writer:
        for i, video in enumerate(videos):
            writer.add(
                video, {s: found[s][i : i + 1, :, :n] for s, n in sizes.items()}
            )
        writer.finish()
    return directory


# The recipe has the 25 frames of its paper.
NINE = "network.arguments.num_segments=9"


def recipe_of(name, directory, *settings):
    recipe = recipes.get(name).with_data(directory=directory)
    return recipe.with_settings(settings)


def test_a_network_learns_how_large_its_features_are(tmp_path):
    data = write(tmp_path, 9)
    for name in ("ts_lstm_ucf101", "temporal_inception_ucf101"):
        recipe = recipe_of(name, data, NINE)
        found = dataset.load(recipe).recipe
        arguments = {**recipe.network.arguments, "features": 16}
        assert found.network.arguments == arguments
        assert found.test.num_segments == 9
        assert found.clip["flow"]["method"] == "dis"
        assert found.clip["size"] == 112 and "sampling" not in found.clip
        assert found.clip["alignment"] == "centered_late"
        # The recipe of a run says it: nothing is left to be told.
        assert dataset.load(found).recipe == found
    recipe = recipe_of("stfn_stage1_features_ucf101", data)
    found = dataset.load(recipe).recipe
    assert recipe.network.arguments["num_segments"] == 7
    assert found.network.arguments == {
        **recipe.network.arguments,
        "features": 16,
    }
    assert found.test.name == "5_sequences"


def test_streams_of_other_sizes_on_a_uniform_grid(tmp_path):
    data = write(tmp_path, 25, "uniform", sizes=(16, 8))
    recipe = recipe_of("ts_lstm_ucf101", data)
    found = dataset.load(recipe).recipe
    shape = {"rgb": [25, 16], "flow": [25, 8]}
    assert found.network.arguments == {
        **recipe.network.arguments,
        "input_shape": shape,
    }
    assert found.clip["sampling"] == "uniform"
    assert found.clip["alignment"] == "centered"
    one = recipe_of("ts_lstm_ucf101", data, "network.arguments.streams=[flow]")
    arguments = dataset.load(one).recipe.network.arguments
    assert arguments["streams"] == ["flow"] and arguments["features"] == 8
    # Some of the frames, at random: the recipe says so.
    some = recipe_of(
        "ts_lstm_ucf101", data, "network.arguments.num_segments=10"
    )
    assert dataset.load(some).recipe.test.num_segments == 10


@pytest.mark.parametrize(
    "name, settings, message",
    [
        (
            "ts_lstm_ucf101",
            ["network.arguments.features=2048"],
            r"2048 features of rgb.*arguments.features\).* with 16$",
        ),
        (
            "stfn_stage1_features_ucf101",
            ["network.arguments.input_shape={rgb: [7, 16], flow: [7, 4]}"],
            r"4 features of flow.*arguments.input_shape\)",
        ),
        (
            "ts_lstm_ucf101",
            [],
            "features of 25 frames .*--frames 25.*num_segments=9. .* 9 frames",
        ),
        (
            "ts_lstm_ucf101",
            [NINE, "clip.alignment=centered"],
            "clip.alignment=centered_late, as .*: clip.alignment=centered$",
        ),
        (
            "quickstart_rgb",
            [],
            "takes images, .* recipe of a network over feat",
        ),
        (
            "ts_lstm_ucf101",
            ["network.arguments.backbone={rgb: tiny, flow: null}"],
            "a backbone for each of .*arguments.backbone={'rgb': 'tiny', ",
        ),
        ("stfn_stage2_ucf101", [], "'stfn_stage2_ucf101' takes images"),
    ],
)
def test_features_that_the_network_does_not_want(
    tmp_path, name, settings, message
):
    data = write(tmp_path, 9)
    with pytest.raises(ValueError, match=message):
        dataset.load(recipe_of(name, data, *settings))


def test_images_that_the_network_does_not_want(small_videos):
    recipe = recipe_of("ts_lstm_ucf101", small_videos)
    message = (
        "takes features, .* `vidrec features --rgb RUN --flow RUN --data .* "
        r"--out FEATURES` makes.*arguments.backbone.*\(videos\)"
    )
    with pytest.raises(ValueError, match=message):
        dataset.load(recipe)
    whole = recipe.with_settings(["network.arguments.backbone=tiny"])
    assert dataset.load(whole).source.classes


def learnable(directory):
    return recipe_of(
        "ts_lstm_ucf101",
        write(directory, 9),
        NINE,
        "network.arguments.units=[16]",
        "optimizer.learning_rate=0.02",
        "optimizer.batch_size=12",
        "schedule.epochs=8",
    )


@pytest.mark.tensorflow_only
def test_trained_and_tested_on_features(tmp_path):
    run = train(learnable(tmp_path / "features"), tmp_path / "run", verbose=0)
    _, scores = evaluator.evaluate(run.path, verbose=False)
    assert scores.videos == tuple(f"{i}.avi" for i in range(36, 48))
    # Averaged features are alike in all classes.
    assert top_k_accuracy(scores.scores, scores.labels) >= 0.9


@pytest.mark.large
@pytest.mark.tensorflow_only
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    recipe = learnable(tmp_path / "features")
    whole = train(recipe, tmp_path / "whole", verbose=0)
    on_epoch_end = Backup.on_epoch_end

    def interrupted(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if epoch == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Backup, "on_epoch_end", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "resumed", verbose=0)
    resumed = train(recipe, tmp_path / "resumed", verbose=0)
    assert len(resumed.log_file.read_text().splitlines()) == 9
    for one, two in zip(
        whole.load_model().get_weights(),
        resumed.load_model().get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.tensorflow_only
def test_stfn_is_tested_on_the_five_frames_of_each_segment(tmp_path):
    directory = write(tmp_path, 35, "uniform")
    data = dataset.load(recipe_of("stfn_stage1_features_ucf101", directory))
    model = network.build(data.recipe, CLASSES)
    scores, _ = evaluator.score(
        model, data.source, data.test, data.recipe.test, verbose=False
    )
    logits = clip_logits_model(model)
    for index, found in zip(data.test, scores.scores, strict=True):
        sequences = {
            stream: np.stack(
                [
                    data.source.read(index, stream, range(k, 35, 5))
                    for k in range(5)
                ]
            )
            for stream in ("rgb", "flow")
        }
        expected = logits.predict_on_batch(sequences)
        assert expected.std(axis=0).max() > 1e-3
        # Its paper averages the prediction scores, which are probabilities.
        np.testing.assert_allclose(
            softmax(found), softmax(expected).mean(axis=0), atol=1e-6
        )
