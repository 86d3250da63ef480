"""From videos over features to one network that sees videos, as a user does
it."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.sources.features import Features
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import FlowSpec
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.data.prepared_records import edit

pytestmark = pytest.mark.large

CLASSES = ("Dots", "Grow", "MoveLeft")
TRAINING = ("--set=schedule.epochs=1", "--set=optimizer.batch_size=4")
SIZE = 32
FLOW = FlowSpec("dis", bound=4.0)
# The recipes have the 25 frames of their paper.
SIX = "network.arguments.num_segments=6"


@pytest.fixture(scope="module")
def videos(small_videos, tmp_path_factory):
    """Directory of a folder of three clips for each of three classes."""
    directory = tmp_path_factory.mktemp("whole") / "videos"
    for name in CLASSES:
        shutil.copytree(small_videos / name, directory / name)
    return directory


def network(stream, seed=0):
    """A network of one stream, with a small backbone of its own."""
    channels = 3 if stream == "rgb" else 20
    images = keras.Input((None, None, channels))
    maps = keras.layers.Rescaling(1 / 64)(images)
    maps = keras.layers.Conv2D(8, 5, strides=4, activation="relu")(maps)
    model = TSN(
        backbone=keras.Model(images, maps),
        classes=3,
        modality=stream,
        snippet_length=1 if stream == "rgb" else 10,
        input_shape=(None, SIZE, SIZE, channels),
        name=stream,
    )
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.weights])
    layer = predictions_layer(model)
    layer.clip_spec = layer.clip_spec.replace(
        flow=FLOW, frame={"size": "short36"}
    )
    return model


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """Files of two networks by stream."""
    directory = tmp_path_factory.mktemp("towers")
    files = {}
    for stream in ("rgb", "flow"):
        files[stream] = directory / f"{stream}.keras"
        model_file.save(network(stream), files[stream])
    return files


@pytest.fixture(scope="module")
def features(videos, towers, tmp_path_factory):
    """Directory of what `vidrec features` makes of them, by grid."""
    made = {}
    for grid in ("feature_grid", "uniform"):
        made[grid] = tmp_path_factory.mktemp("features") / grid
        vidrec(
            *("features", "--rgb", towers["rgb"], "--flow", towers["flow"]),
            *("--data", videos, "--out", made[grid], "--grid", grid),
            *("--frames", 6),
        )
    return made


def train(recipe, features, run, *settings):
    return vidrec(
        *("train", recipe, "--data", features, "--out", run, *TRAINING),
        *(f"--set={setting}" for setting in settings),
    )


def scores_of(run):
    (path,) = (run / "scores").glob("*.npz")
    found = Scores.load(path)
    path.unlink()
    return found


def probabilities(scores):
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def run_data(run):
    return Run(run).recipe.data.directory


def check_sees_videos(run, videos, said):
    """Both networks of a run give the same, each of its own data."""
    assert "Compared with the scores of the stored features on 4" in said
    whole, head = Run(run).load_model(), Run(run).load_head()
    spec = describe(whole).clip_spec
    assert spec.modalities == ("rgb", "flow") and spec.snippet_length == 10
    assert spec.size == SIZE and spec.flow == FLOW
    # Flow lies around each frame as it was seen for the features.
    seen = Features(run_data(run)).settings["alignment"]
    assert spec.frame.size == "short36" and spec.alignment == seen
    assert seen == describe(head).clip_spec.alignment
    assert describe(whole).test_protocol == describe(head).test_protocol
    assert {*describe(whole).blueprint.backbones} == {"rgb", "flow"}
    parents = describe(whole).origin.parents
    assert parents == describe(head).origin.parents
    assert {*parents["features"].parents} == {"dataset", "rgb", "flow"}
    vidrec("evaluate", run)
    of_features = scores_of(run)
    vidrec("evaluate", run, "--data", videos)
    of_videos = scores_of(run)
    assert of_features.videos == of_videos.videos
    np.testing.assert_allclose(
        probabilities(of_features.scores),
        probabilities(of_videos.scores),
        atol=5e-3,
    )
    return of_videos


def test_ts_lstm_from_videos_to_exports(videos, towers, features, tmp_path):
    run = tmp_path / "run"
    out, said = train("ts_lstm_ucf101", features["feature_grid"], run, SIX)
    assert f"Trained: {run / 'head.keras'}" in out
    assert f"Trained: {run / 'model.keras'}" in out
    scores = check_sees_videos(run, videos, said)
    clip = videos / scores.videos[0]
    out, _ = vidrec("predict", run, clip, "--json", "--top=3")
    found = dict(
        zip(json.loads(out)["classes"], json.loads(out)["probabilities"])
    )
    np.testing.assert_allclose(
        [found[name] for name in scores.classes],
        probabilities(scores.scores)[0],
        atol=1e-5,
    )
    vidrec(
        *("predict", run, clip, "--window=0.4", "--stride=0.08"),
        *("--out", tmp_path),
    )
    with open(tmp_path / f"{clip.stem}-timeline.csv") as file:
        assert len(list(csv.reader(file))) > 1
    picture = tmp_path / "picture.png"
    vidrec("show", "gradcam", run, clip, "--out", picture)
    assert picture.stat().st_size > 1000
    for data in (features["feature_grid"], videos):
        picture.unlink()
        vidrec(
            *("show", "features", run, "--data", data, "--thumbnails"),
            *("--part=train", "--out", picture),
        )
        assert picture.stat().st_size > 1000
    out, _ = vidrec("export", run)
    card = (run / "saved_model" / "README.md").read_text()
    assert "on a clip of the dataset" in card
    for format in ("onnx", "litert"):
        out, _ = vidrec("export", run, "--format", format)
        assert "Reloaded and compared" in out


def test_temporal_inception(videos, features, tmp_path):
    _, said = train(
        "temporal_inception_ucf101",
        features["feature_grid"],
        tmp_path / "run",
        SIX,
    )
    check_sees_videos(tmp_path / "run", videos, said)


def test_the_shortcut_of_stfn(videos, features, tmp_path):
    _, said = train(
        "stfn_stage1_features_ucf101",
        features["uniform"],
        tmp_path / "run",
        "network.arguments.num_segments=2",
        "test.num_segments=2",
        "test.num_clips=3",
        "validation.fraction=0",
        "schedule={epochs: 1, kind: constant}",
    )
    check_sees_videos(tmp_path / "run", videos, said)


def test_what_is_missing_is_named_and_joined_later(
    videos, towers, features, tmp_path
):
    moved, of = tmp_path / "moved.keras", tmp_path / "features"
    shutil.copytree(features["uniform"], of)

    def move(values):
        values["settings"]["made_from"]["networks"]["flow"] = str(moved)

    edit(of, move)
    run = tmp_path / "run"
    command = ["ts_lstm_ucf101", of, run, SIX]
    out, said = train(*command)
    assert "network that made the features of flow is missing: " in said
    assert str(moved) in said and "`vidrec join --head" in said
    assert not (run / "model.keras").exists()
    (clip,) = videos.glob("Dots/*_g01_c01.avi")
    _, said = vidrec("predict", run, clip, status=1)
    assert "`vidrec join`" in said
    # Another network is refused, the right one is not.
    join = ["join", "--head", run, "--out", run / "model.keras"]
    model_file.save(network("flow", seed=1), tmp_path / "other.keras")
    _, said = vidrec(*join, "--flow", tmp_path / "other.keras", status=1)
    assert "trained on features of another network" in said
    out, _ = vidrec(*join, "--flow", towers["flow"])
    assert "Compared with the scores" in out
    vidrec("predict", run, clip)
    # Found again, the same training ends with it.
    (run / "model.keras").unlink()
    shutil.copy(towers["flow"], moved)
    train(*command)
    assert (run / "model.keras").exists()
