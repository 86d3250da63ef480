import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import synthetic
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
        "Rehearsal of tsn_rgb_ucf101_code: resnet50 backbones, 64 pixels, "
        "3 epochs from trained weights"
    )
    assert error.splitlines()[-1] == (
        "vidrec: A network starts from towers of its own backbones. Expected a "
        'run or file of resnet50, or --set "network.arguments.backbone=tiny". '
        "Received: initialization.weights="
        f"'{tmp_path / 'tiny.keras'}', of tiny for rgb"
    )
    assert not (tmp_path / "run").exists()
