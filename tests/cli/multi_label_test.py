"""Several labels a video from a list in Charades' form to an export."""

import csv
import functools
import json
import re

import keras
import numpy as np
import pytest
import scipy.special
import sklearn.metrics
import tensorflow as tf

import keras_vidrec
from keras_vidrec.evaluation.scores import multi_label
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.evaluation.timeline_test import write_video

pytestmark = pytest.mark.tensorflow_only

CLASSES = ("c_blue", "c_green", "c_red")
# A class is a color: of them each video shows some, or none.
SETS = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """24 videos and their list."""
    root = tmp_path_factory.mktemp("charades")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(24):
        shown = SETS[number % 8]
        color = np.full(3, 30)
        color[[2 - one for one in shown]] = 220
        frames = color + rng.integers(-20, 20, (8, 48, 64, 3))
        write_video(root / f"v{number:02}.avi", frames.astype("uint8"))
        actions = ";".join(f"{CLASSES[one]} 0.0 {one + 1}.5" for one in shown)
        rows.append((f"v{number:02}", f"p{number}", actions, "1.0"))
    with open(root / "list.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "subject", "actions", "length"))
        writer.writerows(rows)
    return root


@pytest.fixture(scope="module", autouse=True)
def uncompiled():
    """A few steps and clips take less than to compile the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            keras.Model,
            "compile",
            functools.partialmethod(keras.Model.compile, run_eagerly=True),
        )
        patch.setattr(
            keras.Model,
            "predict_on_batch",
            lambda model, clip: keras.tree.map_structure(
                keras.ops.convert_to_numpy, model(clip, training=False)
            ),
        )
        yield


@pytest.fixture(scope="module")
def trained(videos):
    """A run, what training said, and its test."""
    run = videos.parent / "run"
    said = vidrec(
        *("train", "scratch", "--tiny", "--data", videos, "--out", run),
        f"--set=data.list={videos / 'list.csv'}",
        *("--set=schedule.epochs=2", "--set=test.num_segments=2"),
        *("--set=clip.num_segments=2", "--set=optimizer.batch_size=4"),
        "--set=validation.fraction=0.4",
        "--log=csv",
    )
    tested = vidrec("evaluate", run)
    return run, said, tested


def test_training(trained):
    run, (out, err), _ = trained
    recipe = Run.open(run).recipe
    assert recipe.loss.kind == "binary_crossentropy"
    assert recipe.network.arguments["classifier_activation"] == "sigmoid"
    assert "Validation mean average precision" in out
    assert (
        "several labels per clip: 12 of 24 clips have more than one, 3" in err
    )
    assert "times of labels are not used" in err
    rows = Run.open(run).log
    assert len(rows) == 2
    for row in rows:
        assert 0 <= row["val_mean_average_precision"] <= 1
        assert "accuracy" not in row


def test_thresholds_travel_with_the_network(trained):
    run, _, _ = trained
    found = keras_vidrec.describe(Run.open(run).load_model())
    assert found.multi_label and len(found.thresholds) == 3
    assert found.class_names == CLASSES
    assert all(0 < one < 1 for one in found.thresholds)


def test_scores(trained):
    """Figures by scikit-learn, from the file alone."""
    run, _, (out, err) = trained
    scores = Scores.load(score_naming.find(run)[0])
    assert scores.several and scores.labels.shape == (len(scores.videos), 3)
    for name, labels in zip(scores.videos, scores.labels):
        shown = SETS[int(name[1:3]) % 8]
        assert tuple(np.flatnonzero(labels)) == shown
    precisions = [
        sklearn.metrics.average_precision_score(
            scores.labels[:, one], scores.scores[:, one]
        )
        for one in np.flatnonzero(scores.labels.any(axis=0))
    ]
    assert f"mean average precision {100 * np.mean(precisions):.2f} %" in out
    assert "micro f1" in out and "top 1" not in out and not err
    thresholds = keras_vidrec.describe(Run.open(run).load_model()).thresholds
    assert scores.meta["thresholds"] == list(thresholds)
    np.testing.assert_array_equal(
        multi_label.predicted(scores),
        scipy.special.expit(scores.scores.astype("float64")) >= thresholds,
    )


def test_predictions(trained, videos, tmp_path):
    run, _, _ = trained
    scores = Scores.load(score_naming.find(run)[0])
    video = videos / scores.videos[0]
    out, _ = vidrec("predict", run, video, "--json")
    found = json.loads(out)
    chances = scipy.special.expit(scores.scores[0].astype("float64"))
    order = np.argsort(-chances, kind="stable")
    assert found["classes"] == [CLASSES[one] for one in order]
    np.testing.assert_allclose(
        found["probabilities"], chances[order], atol=1e-5
    )
    said = multi_label.predicted(scores)[0]
    assert found["present"] == [CLASSES[one] for one in order if said[one]]
    out, _ = vidrec("predict", run, video)
    expected = ", ".join(found["present"]) or "none of the classes"
    assert f"Shows: {expected}\n" in out
    out, _ = vidrec(
        *("predict", run, video, "--window=0.4", "--stride=0.2"),
        *("--out", tmp_path),
    )
    stem = f"{video.stem}-timeline"
    content = json.loads((tmp_path / f"{stem}.json").read_text())
    limits = keras_vidrec.describe(Run.open(run).load_model()).thresholds
    for window in content["windows"]:
        values = np.array(window["probabilities"])
        assert {*window["present"]} == {
            CLASSES[one] for one in np.flatnonzero(values >= limits)
        }
    with open(tmp_path / f"{stem}.csv") as file:
        rows = [*csv.DictReader(file)]
    assert [row["present"] for row in rows] == [
        "; ".join(window["present"]) for window in content["windows"]
    ]


def test_report(trained):
    run, _, _ = trained
    vidrec("report", run)
    page = (run / "report" / "index.html").read_text()
    assert "Mean average precision" in page and "Top-1" not in page
    assert "Confusion matrix" not in page and "confused_pairs" not in page
    with open(run / "report" / "figures" / "classes.csv") as file:
        rows = [*csv.DictReader(file)]
    assert {row["class"] for row in rows} == {*CLASSES}
    scores = Scores.load(score_naming.find(run)[0])
    table = multi_label.label_table(scores)
    for row in rows:
        one = CLASSES.index(row["class"])
        expected = table.average_precisions[one]
        assert float(row["average_precision"]) == pytest.approx(expected)
    curve = run / "report" / "figures" / "mean_average_precision.csv"
    assert "val_mean_average_precision" in curve.read_text()


@pytest.mark.large
def test_export(trained, videos, tmp_path):
    """The SavedModel has sigmoids; its card runs as it stands."""
    run, _, _ = trained
    out = tmp_path / "export"
    vidrec("export", run, "--out", out)
    thresholds = np.loadtxt(out / "thresholds.txt")
    model = Run.open(run).load_model()
    assert thresholds.tolist() == list(keras_vidrec.describe(model).thresholds)
    card = (out / "README.md").read_text()
    assert "a sigmoid for each class" in card and "softmax" not in card
    assert "mean average precision" in card
    serve = tf.saved_model.load(str(out)).signatures["serving_default"]
    clip = np.random.default_rng(0).integers(0, 255, (1, 2, 64, 64, 3), "uint8")
    (name,) = serve.structured_input_signature[1]
    found = serve(**{name: tf.constant(clip)})["probabilities"].numpy()
    np.testing.assert_allclose(found, model.predict_on_batch(clip), atol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--set=loss.kind=categorical_crossentropy"], "`loss.kind`.*several"),
        (
            ["--set=network.arguments.classifier_activation=softmax"],
            "network.arguments.classifier_activation.*several labels",
        ),
        (["--set=loss.alpha=0.5"], "`loss.alpha`.*kind="),
    ],
)
def test_what_makes_no_sense(videos, tmp_path, options, message):
    _, err = vidrec(
        *("train", "scratch", "--tiny", "--data", videos),
        *("--out", tmp_path / "run", f"--set=data.list={videos / 'list.csv'}"),
        *options,
        status=1,
    )
    assert re.search(message, err), err
    assert err.count("\n") <= 2


def test_without_a_validation_part_there_are_no_thresholds(videos, tmp_path):
    _, err = vidrec(
        *("train", "scratch", "--tiny", "--data", videos),
        *("--out", tmp_path / "run", f"--set=data.list={videos / 'list.csv'}"),
        *("--set=schedule.epochs=1", "--set=clip.num_segments=1"),
        *("--set=validation.fraction=0", "--log=csv"),
    )
    assert "no validation part to choose thresholds on" in err
    model = Run.open(tmp_path / "run").load_model()
    assert keras_vidrec.describe(model).thresholds is None


def test_learning_is_of_one_label(videos, tmp_path):
    _, err = vidrec(
        *("learn", videos, "--list", videos / "list.csv"),
        *("--out", tmp_path / "learnt"),
        status=1,
    )
    assert "one label each" in err
