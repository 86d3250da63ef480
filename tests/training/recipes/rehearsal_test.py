"""One recipe of every network, trained on a small scale as a user does."""

import csv

import pytest

from keras_vidrec.data import synthetic
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec

pytestmark = [pytest.mark.large, pytest.mark.tensorflow_only]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """The generated videos, prepared with their flow."""
    root = tmp_path_factory.mktemp("generated")
    synthetic.generate(
        root / "videos", train_groups=4, test_groups=1, clips_per_group=2
    )
    prepare(
        catalog.ucf101(root / "videos", root / "videos" / "ucfTrainTestlist"),
        root / "prepared",
        Preparation(flow="dis", bound=4.0, size="short64"),
    )
    return root / "prepared"


def rehearsed(name, data, out, *settings):
    """The run of a recipe, whose loss must have fallen."""
    said, _ = vidrec(
        "train", name, "--tiny", "--data", data, "--out", out, *settings
    )
    first, *_ = said.splitlines()
    assert first.startswith(f"Test run (--tiny) of {name}: ")
    run = Run.open(out)
    with open(run.log_file, newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 3 and 0 < losses[-1] < losses[0] < 20
    assert run.recipe.name == f"{name}_tiny"
    model = run.load_model()
    assert model.output_shape == (None, len(synthetic.KINDS))
    return out


@pytest.fixture(scope="module")
def rgb(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("rgb")
    return rehearsed("tsn_rgb_ucf101_code", videos, out)


@pytest.fixture(scope="module")
def flow(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("flow")
    return rehearsed("two_stream_resnet101_flow_ucf101", videos, out)


@pytest.fixture(scope="module")
def features(videos, rgb, flow, tmp_path_factory):
    out = tmp_path_factory.mktemp("features")
    networks = ["--rgb", rgb, "--flow", flow]
    data = ["--data", videos, "--out", out]
    vidrec("features", *networks, *data, "--grid", "uniform")
    return out


@pytest.mark.parametrize(
    "name",
    ["two_stream_fusion_ucf101", "st_resnet_ucf101", "st_multiplier_hmdb51"],
)
def test_networks_of_two_streams(name, videos, tmp_path):
    rehearsed(name, videos, tmp_path)


@pytest.mark.parametrize(
    "name", ["ts_lstm_ucf101", "temporal_inception_ucf101"]
)
def test_networks_over_features(name, features, tmp_path):
    rehearsed(name, features, tmp_path)


def test_both_stages_of_stfn(videos, rgb, flow, tmp_path):
    """The second from the first, and that behind frozen streams."""
    rehearsed(
        "stfn_stage1_ucf101",
        videos,
        tmp_path / "first",
        f"--set=initialization.weights={{rgb: {rgb}, flow: {flow}}}",
        "--set=initialization.frozen=[rgb, flow]",
    )
    rehearsed(
        "stfn_stage2_ucf101",
        videos,
        tmp_path / "second",
        f"--set=initialization.weights={tmp_path / 'first'}",
    )
