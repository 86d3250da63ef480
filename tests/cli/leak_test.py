"""Networks that have seen the test of another one, by way of its features."""

import json
import shutil

import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data import leaks
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec

pytestmark = pytest.mark.large

CLASSES = ("Dots", "Grow", "MoveLeft")
TRAINING = ("--set=schedule.epochs=1", "--set=optimizer.batch_size=3")


@pytest.fixture(scope="module")
def videos(small_videos, tmp_path_factory):
    """Nine videos with two splits: the first group is the test of one, the
    second that of the other."""
    directory = tmp_path_factory.mktemp("leak") / "videos"
    names = []
    for label, name in enumerate(CLASSES, 1):
        shutil.copytree(small_videos / name, directory / name)
        found = sorted((directory / name).iterdir())
        names += [(f"{name}/{path.name} {label}\n") for path in found]
    lists = directory / "ucfTrainTestlist"
    lists.mkdir()
    rows = [f"{label} {name}\n" for label, name in enumerate(CLASSES, 1)]
    (lists / "classInd.txt").write_text("".join(rows))
    for split in (1, 2):
        test = [name for name in names if f"_g{split:02d}_" in name]
        rest = [name for name in names if name not in test]
        (lists / f"testlist{split:02d}.txt").write_text("".join(test))
        (lists / f"trainlist{split:02d}.txt").write_text("".join(rest))
    return directory


def test_features_of_networks_of_another_split(videos, tmp_path):
    tower, run, moved = tmp_path / "rgb", tmp_path / "run", tmp_path / "moved"
    vidrec(
        *("train", "quickstart_rgb", "--data", videos, "--out", tower),
        *("--set=clip.size=32", *TRAINING),
    )
    features = tmp_path / "features"
    vidrec(
        *("features", "--rgb", tower, "--data", videos, "--out", features),
        *("--frames", 5),
    )

    def train(split, out, *options, status=0):
        return vidrec(
            *("train", "ts_lstm_ucf101", "--data", features, "--out", out),
            *("--split", split, "--set=network.arguments.streams=[rgb]"),
            *("--set=network.arguments.num_segments=5", *TRAINING, *options),
            status=status,
        )

    train(1, run)
    origin = describe(Run(run).load_model()).origin
    assert leaks.marks(origin) == ()
    # The same list stands in the chain once.
    (maker,) = [o for p, o in origin.generations() if p == ("features", "rgb")]
    assert maker.training_list == origin.training_list
    assert maker.trained_on is None
    assert maker.parents["dataset"].kind == "videos"

    _, said = train(2, moved, status=1)
    assert "Videos of the test were trained on, 3 of 3: 'Dots/" in said
    assert said.strip().endswith("by: features > rgb (3)")
    assert not moved.exists()
    _, said = train(2, moved, "--allow-leak")
    mark = "3 of 3 videos of the test were trained on by features > rgb."
    assert mark in said
    for file in ("model.keras", "head.keras"):
        model = model_file.load(moved / file)
        assert describe(model).origin.marks == (mark,)
    assert json.loads((moved / "origin.json").read_text())["marks"] == [mark]
    # What was allowed is tested as it is, on either kind of data.
    for data in (features, videos):
        out, _ = vidrec("evaluate", moved, "--data", data)
        assert f"Mark of {moved}: {mark}" in out
    # Each thing knows the chain.
    scores = [*(moved / "scores").iterdir()]
    assert len(scores) == 2
    for path in (moved, moved / "head.keras", moved / "model.keras", *scores):
        out, _ = vidrec("origin", path)
        assert f"! {mark}" in out
        assert "rgb: network " in out and ", trained on 6 videos" in out
    out, _ = vidrec("origin", features)
    assert out.startswith("features ") and "|-- dataset: videos " in out
    assert "`-- rgb: network " in out and mark not in out
    out, _ = vidrec(
        *("join", "--head", moved, "--rgb", tower),
        *("--out", tmp_path / "one.keras"),
    )
    assert mark in out
