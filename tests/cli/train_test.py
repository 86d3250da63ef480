import shlex

import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.cli.train import options_named
from keras_vidrec.data import synthetic
from keras_vidrec.specs import checks
from keras_vidrec.training import recipes
from tests.cli.command import vidrec

pytestmark = pytest.mark.tensorflow_only


def test_what_is_told_before_a_rehearsal(tmp_path):
    """What it will be, with the settings; and what cannot start it."""
    synthetic.generate(
        tmp_path, train_groups=1, test_groups=1, clips_per_group=1
    )
    model_file.save(TSN(backbone="tiny", classes=3), tmp_path / "tiny.keras")
    said, error = vidrec(
        *("train", "tsn_rgb_ucf101_code", "--tiny", "--data", tmp_path),
        *("--splits", tmp_path / "ucfTrainTestlist", "--out", tmp_path / "run"),
        *("--set", "network.arguments.backbone=resnet50"),
        *("--set", f"initialization.weights={tmp_path / 'tiny.keras'}"),
        status=1,
    )
    assert said.splitlines()[0] == (
        "Test run (--tiny) of tsn_rgb_ucf101_code: resnet50 backbones, 64 "
        "pixels, 3 epochs from trained weights"
    )
    assert error.splitlines()[-1] == (
        "vidrec: Invalid `initialization.weights`. Expected towers of the "
        "network's own backbones, resnet50 for rgb where tiny came, or "
        "`network.arguments.backbone=tiny`. Received: initialization.weights="
        f"'{tmp_path / 'tiny.keras'}' (--set initialization.weights=VALUE)"
    )
    assert not (tmp_path / "run").exists()


def test_errors_name_the_option(tmp_path):
    _, error = vidrec(
        *("train", "quickstart_rgb", "--out", tmp_path / "run"), status=1
    )
    assert error.splitlines()[-1].endswith(
        "Received: data.directory=None (--data PATH)"
    )
    recipe = recipes.get("quickstart_rgb")
    with pytest.raises(ValueError) as raised:
        with options_named():
            recipe.with_settings(["schedule.epochs=0"])
    assert str(raised.value) == (
        "Invalid `schedule.epochs`. Expected a number of at least 1, or "
        "0 with a computed initialization.classifier. Received: "
        "schedule.epochs=0 (--set schedule.epochs=VALUE)"
    )
    with pytest.raises(ValueError, match=r"`depth`. .* depth=0.5$"):
        with options_named():
            checks.count("depth", 0.5)


def test_the_next_commands_can_be_pasted(small_videos, tmp_path):
    """Also where the directory of the run has a space in its name."""
    out = tmp_path / "my run"
    said, _ = vidrec(
        *("train", "scratch", "--tiny", "--data", small_videos, "--out", out),
        *("--set", "test.num_segments=1", "--set", "schedule.epochs=1"),
    )
    commands = said.split("\nNext:\n")[1].splitlines()
    assert len(commands) == 3
    clip = next(small_videos.glob("LeftThenUp/*.avi"))
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "vidrec"
        vidrec(*(clip if one == "VIDEO" else one for one in arguments))
    assert (out / "report" / "index.html").is_file()
