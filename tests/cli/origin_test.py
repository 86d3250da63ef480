"""`vidrec origin` of all that has one, and `--allow-leak`, as a user does."""

import html
import json
import shutil

import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.reporting import chain
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network

CLASSES = sorted(KINDS)


@pytest.fixture(scope="module")
def videos(small_videos, tmp_path_factory):
    """Two clips to train on and one to test of each class."""
    videos = tmp_path_factory.mktemp("origin") / "clips"
    shutil.copytree(small_videos, videos)
    return videos


@pytest.fixture(scope="module")
def run(videos, tmp_path_factory):
    """A run whose network was made over features of one that has seen a video
    of the test."""
    run = Run(tmp_path_factory.mktemp("runs") / "run")
    recipe = recipes.get("quickstart_rgb").with_data(directory=videos)
    run.claim(recipe)
    test = sorted(videos.rglob("v_*_g01_*"))[0].relative_to(videos).as_posix()
    tower = Origin(
        "network", "beef", split=2, trained_on=VideoSet.of([test, "x", "y"])
    )
    model = mean_color_network(CLASSES)
    predictions_layer(model).origin = Origin(
        "network",
        split=1,
        trained_on=VideoSet.of(["x", "y"]),
        parents={"features": Origin("features", parents={"rgb": tower})},
        versions={"keras": "3.1.4"},
    )
    model_file.save(model, run.model_file)
    return run


def tree(path):
    out, err = vidrec("origin", path)
    assert not err
    return out.splitlines()


def test_a_leak_is_refused_or_marked_wherever_figures_are(run, tmp_path):
    _, err = vidrec("evaluate", run.path, status=1)
    assert "were trained on, 1 of 12: '" in err
    assert err.rstrip().endswith("features > rgb (1)")
    assert "--allow-leak" in err and err.count("\n") == 1
    out, _ = vidrec("evaluate", run.path, "--allow-leak")
    mark = "1 of 12 videos of the test were trained on by features > rgb."
    assert f"Mark of {run.path}: {mark}" in out
    scores = run.scores / "25x1-clips_split1.npz"
    assert scores.is_file()
    out, _ = vidrec("report", run.path)
    page = (run.report / "index.html").read_text("utf-8")
    assert mark in html.unescape(page)
    made = tree(scores)
    assert made[0].startswith("scores ") and ", split 1" in made[0]
    assert mark in made[1]
    below = [
        "|-- network ",
        "|   `-- features",
        "|       `-- rgb: network beef, split 2, trained on 3 videos",
        "`-- dataset: videos ",
    ]
    for line, expected in zip(made[2:], below, strict=True):
        assert line.startswith(expected)
    assert "trained on 2 videos, keras 3.1.4" in made[2]
    assert "decoded by PyAV" in made[0] and "decoded" not in made[5]
    assert tree(f"{run.path}@25x1") == made
    for path in (run.report, run.report / "index.html"):
        found = tree(path)
        assert found[0].startswith("report, keras_vidrec")
        assert found[1].startswith("`-- 25x1: scores ")
        assert [line[4:] for line in found[2:]] == made[1:]
    out, _ = vidrec("origin", scores, "--json")
    assert Origin.from_dict(json.loads(out)).marks[0].startswith(mark)
    out, _ = vidrec("export", run.path, "--format=onnx", f"--out={tmp_path}")
    card = (tmp_path / "README.md").read_text("utf-8")
    assert f"Mark of 25x1: {mark}" in card
    for path in (tmp_path, tmp_path / "model.onnx", tmp_path / "README.md"):
        found = tree(path)
        assert found[0].startswith("export ") and "keras" in found[0]
        assert found[1].startswith("`-- network ")
        assert "rgb: network beef" in found[3]


def test_predictions_of_what_was_trained_on_get_a_remark(run, videos, tmp_path):
    test = sorted(videos.rglob("v_*_g01_*"))
    remark = (
        "A network that it was made from (features > rgb) was trained "
        "on a video of this name."
    )
    _, err = vidrec("predict", run.path, *test[:2], "--top=1")
    assert err == f"{test[0]}: {remark}\n"
    _, err = vidrec(
        *("predict", run.path, test[0], "--window=0.2s"),
        *("--out", tmp_path),
    )
    assert err.splitlines()[-1] == f"{test[0]}: {remark}"


def test_networks_runs_and_datasets(run, videos, tmp_path):
    for path in (run.path, run.model_file):
        assert tree(path)[0].startswith("network ")
        assert ", split 1, trained on 2 videos, keras 3.1.4" in tree(path)[0]
        assert "rgb: network beef" in tree(path)[2]
    data = tmp_path / "data"
    vidrec(
        *("prepare", "ucf101", f"--videos={videos}", f"--out={data}"),
        *("--flow=none", "--workers=2"),
    )
    first, second = tree(data)
    assert first.startswith("prepared ") and "decoded by PyAV" in first
    assert second.startswith("`-- dataset: videos ")


def test_a_backup_has_the_origin_of_its_run(tmp_path):
    chain.write(Origin("network", split=2), tmp_path)
    backup = tmp_path / "backup" / "epoch-00001-step-0000000"
    backup.mkdir(parents=True)
    (backup / "state.npz").touch()
    for path in (tmp_path, backup.parent, backup, backup / "state.npz"):
        assert tree(path) == ["network, split 2"]


def test_what_has_no_origin_is_one_clear_line(tmp_path, run):
    other = tmp_path / "table.csv"
    other.write_text("video,label,x,y\na,x,1,2\n")
    gone = tmp_path / "gone"
    for path, received in (
        (other, other),
        (tmp_path, tmp_path),
        (gone, f"{gone}, which does not exist"),
    ):
        out, err = vidrec("origin", path, status=1)
        (line,) = err.splitlines()
        assert "Expected a run, a .keras file, a dataset made by" in line
        assert "(.npz)" in line and line.endswith(f"Received: {received}")
        assert not out
    made = tmp_path / "other.npz"
    vidrec("scores-from", other, "--out", made)
    _, err = vidrec("origin", made, status=1)
    assert f"Expected an origin in {made}" in err
