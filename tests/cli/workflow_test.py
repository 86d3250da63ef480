"""train, evaluate, export and predict, one after the other, as a user does."""

import json
import shutil

import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.cli.command import vidrec_process
from tests.evaluation.mean_color_network import mean_color_network

SMALL = [
    "--set=clip.size=32",
    "--set=schedule.epochs=1",
    "--set=optimizer.batch_size=8",
]


@pytest.mark.large
def test_from_videos_to_predictions(small_videos, tmp_path):
    run = tmp_path / "run"
    train = ["train", "quickstart_rgb", "--data", small_videos, "--out", run]
    out, err = vidrec(*train, *SMALL)
    assert f"Trained: {run / 'model.keras'}" in out and not err
    assert "Accuracy in training" in out and "without a validation part" in out
    after = [f"evaluate {run}", f"report {run}", f"predict {run} VIDEO"]
    assert out.splitlines()[-3:] == [f"  vidrec {one}" for one in after]

    # The same command again has nothing left to do, another recipe is
    # refused, and so is an unknown setting.
    _, err = vidrec(*train, *SMALL)
    assert "already fully trained" in err
    _, err = vidrec(*train, *SMALL, "--set=seed=1", status=1)
    assert err.startswith("vidrec: ") and "seed=0" in err
    assert err.count("\n") == 1
    _, err = vidrec(*train, "--set=sede=1", status=1)
    assert "Did you mean 'seed'" in err and err.count("\n") == 1

    out, err = vidrec("evaluate", run)
    assert not err
    scores = Scores.load(score_naming.find(run)[0])
    assert len(scores.videos) == 12 and scores.scores.shape == (12, 12)
    hits = np.mean(scores.scores.argmax(axis=1) == scores.labels)
    assert f"top 1                {100 * hits:.2f} %" in out
    assert "mean class accuracy" in out and "top 5" in out

    out, err = vidrec("export", run)
    assert "Reloaded and compared" in out and not err
    assert (run / "saved_model" / "saved_model.pb").is_file()

    clip = small_videos / scores.videos[3]
    out, err = vidrec(
        "predict", run, clip, "--json", "--protocol=3x1", "--top=2"
    )
    prediction = json.loads(out)
    assert prediction["video"] == str(clip) and not err
    assert len(prediction["classes"]) == 2
    assert (
        prediction["classes"][0] == (scores.classes[scores.scores[3].argmax()])
    )

    # A broken video costs the others nothing.
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"no video")
    out, err = vidrec("predict", run / "model.keras", broken, clip, status=1)
    assert str(clip) in out and "%" in out
    assert str(broken) in err and err.count("\n") == 1


def test_no_run_is_one_clear_line(tmp_path):
    for command in ("evaluate", "export"):
        _, err = vidrec(command, tmp_path, status=1)
        assert err == (
            "vidrec: Expected the directory of a run, with a recipe.yaml. "
            f"Received: {tmp_path}\n"
        )


def test_no_model_is_one_clear_line(tmp_path):
    path = tmp_path / "model.keras"
    _, err = vidrec("predict", path, "video.avi", status=1)
    assert err == (
        "vidrec: Expected the directory of a run, a .keras file, or a name "
        f"that `vidrec presets` lists. Received: {path}, which does not exist\n"
    )


@pytest.mark.large
def test_a_run_that_fails_ends_in_one_line_and_status_1(small_videos, tmp_path):
    """Not in an abort: threads of the input pipeline are still reading."""
    train = ["train", "quickstart_rgb", "--data", small_videos, *SMALL]
    _, err = vidrec_process(
        *train,
        "--out",
        tmp_path / "run",
        "--set=optimizer.learning_rate=1e30",
        "--set=optimizer.name=sgd",
        status=1,
    )
    assert "Expected a finite loss" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "setting",
    ["schedule.boundaries=5", "clip=5", "reported=5", "test.sampling=foo"],
)
def test_a_slip_in_a_setting_is_one_clear_line(setting, tmp_path):
    _, err = vidrec(
        "train", "scratch", "--out", tmp_path, "--set", setting, status=1
    )
    assert "Expected" in err and setting.split("=")[1] in err
    assert err.startswith("vidrec: ") and err.count("\n") == 1


def test_the_mean_over_splits(small_videos, tmp_path):
    lists = tmp_path / "lists"
    shutil.copytree(small_videos / "ucfTrainTestlist", lists)
    for path in [*lists.glob("*01.txt")]:
        shutil.copy(path, path.with_name(path.name.replace("01", "02")))
    for split in (1, 2):
        recipe = recipes.get("quickstart_rgb").with_data(
            directory=small_videos, split_files=lists, split=split
        )
        run = Run(tmp_path / f"rgb-{split}")
        run.claim(recipe)
        model = mean_color_network(sorted(KINDS))
        predictions_layer(model).origin = Origin(
            "network", trained_on=VideoSet.of(["elsewhere.avi"])
        )
        model_file.save(model, run.model_file)
    command = ["evaluate", tmp_path / "rgb-{split}", "--protocol=25x1"]
    out, err = vidrec(*command, "--splits=1,2")
    first, second, mean = out.split("mean class accuracy")[:3]
    assert not err and "Split 1" in first and "Split 2" in second
    assert "Mean of splits 1,2" in mean
    top_1 = [line for line in out.splitlines() if line.startswith("top 1")]
    # Two lists, one network: three times the same figure.
    assert len(top_1) == 3 and len({*top_1}) == 1
    out, err = vidrec(*command, "--splits=2")
    assert f"Next: vidrec export {tmp_path / 'rgb-2'} --out" in out and not err
    out, err = vidrec(*command, "--splits=1,2,3")
    assert "No mean: no run of split 3." in out and not err
