import re

import numpy as np
import pytest

from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.weights import convert
from keras_vidrec.weights import pixels
from keras_vidrec.weights.towers import slots
from tests.applications.joined_streams import without_values
from tests.weights.slot_scheme import IGNORED
from tests.weights.slot_scheme import SCALING
from tests.weights.slot_scheme import TINY
from tests.weights.slot_scheme import changed
from tests.weights.slot_scheme import check_values
from tests.weights.slot_scheme import checkpoint_for
from tests.weights.slot_scheme import refused
from tests.weights.slot_scheme import values

pytestmark = pytest.mark.usefixtures("slot_scheme")


def test_everything_has_its_place(rgb):
    checkpoint = checkpoint_for(rgb)
    report = convert(checkpoint, rgb)
    check_values(rgb, checkpoint)
    assert set(report.loaded) == set(checkpoint.tensors) - {IGNORED}
    assert report.ignored == {IGNORED: "counts steps"}
    assert report.left_out == {} and report.kept == ()
    assert (report.format, report.scheme) == ("pytorch", "ours")
    layer = rgb.get_layer("preprocessing")
    assert (layer.mean, layer.std) == ((1, 2, 3), (2, 4, 8))
    assert layer.channel_order == "bgr"
    assert report.pixels == {
        "rgb": "(BGR - (1, 2, 3)) / (2, 4, 8), in the model"
    }


def test_all_problems_are_told_at_once(rgb):
    checkpoint = changed(
        checkpoint_for(rgb),
        **{
            "auxiliary.weight": np.zeros((3, 4), "float32"),
            ":conv1:kernel": None,
            ":bn_conv1:gamma": np.full(32, np.nan, "float32"),
            ":bn_conv1:beta": np.zeros(32, "int64"),
            ":bn_conv1:moving_mean": np.full(32, 1e300),
            ":logits:kernel": np.zeros((256, 7), "float32"),
            ":logits:bias": np.zeros(7, "float32"),
            ":res2a_branch2a:kernel": np.zeros((16, 32, 1, 1), "float32"),
        },
    )
    message = refused(checkpoint, rgb)
    for expected in (
        "Received: net.pth, of ours names, with ",
        "--allow-unused PATTERN), 1: auxiliary.weight (3, 4)",
        "without a tensor, 1: conv1/kernel (7, 7, 3, 32)",
        "not finite, 2: :bn_conv1:gamma, :bn_conv1:moving_mean",
        "no floating point, 1: :bn_conv1:beta (int64)",
        ":logits:kernel (256, 7) for logits/kernel (256, 5), unless "
        "allow_missing has 'head' (--allow-missing head)",
        "(16, 32, 1, 1) for res2a_branch2a/kernel (1, 1, 32, 16)",
    ):
        assert expected in message


def test_long_lists_are_cut(rgb):
    names = {f"more.{i}": np.zeros(1, "float32") for i in range(14)}
    message = refused(changed(checkpoint_for(rgb), **names), rgb)
    assert "PATTERN), 14: more.0 (1,), more.1 (1,)" in message
    assert "more.9 (1,) and 4 more" in message and "more.10" not in message


@pytest.fixture(scope="module")
def fusion():
    return TwoStreamFusion(**TINY)


def test_two_streams(fusion):
    model = fusion
    checkpoint = checkpoint_for(model)
    report = convert(checkpoint, model)
    check_values(model, checkpoint)
    assert list(report.pixels) == ["rgb", "flow"]
    layers = pixels.pixel_layers(model)
    assert (layers["rgb"].std, layers["flow"].std) == ((2, 4, 8), 57.63)


def test_a_stream_of_two(flow):
    two = without_values(TwoStreamConvNet, snippet_length=5, **TINY)
    checkpoint = checkpoint_for(two)
    report = convert(checkpoint, flow)
    for slot, value in values(flow).items():
        name = ":".join(("flow", *slot[1:]))
        np.testing.assert_array_equal(value, checkpoint.tensors[name])
    assert len(report.loaded) == len(slots(flow))
    rgb = {name for name in checkpoint.tensors if name.startswith("rgb:")}
    assert set(report.left_out) == rgb
    assert set(report.left_out.values()) == {"not of the stream flow"}


def test_one_stream_is_not_enough_for_two(rgb, fusion):
    message = refused(checkpoint_for(rgb), fusion)
    assert "Received: net.pth, of one stream" in message
    assert "`weights.copy_streams`" in message
    assert '"initialization.weights={flow: PATH, rgb: PATH}"' in message


def test_a_scaling_that_does_not_fit(monkeypatch, flow):
    """A layer of flow cannot be scaled by three colors."""
    monkeypatch.setitem(SCALING, "flow", SCALING["rgb"])
    message = refused(checkpoint_for(flow), flow)
    assert "Expected a multiple of 3 channels" in message


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"allow_missing": "head"}, "Invalid `allow_missing`. Expected a seq"),
        ({"allow_missing": ["conv9"]}, "Received: 'conv9'"),
        ({"allow_unused": "aux"}, "Invalid `allow_unused`"),
    ],
)
def test_invalid_arguments(rgb, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        convert("nowhere.pth", rgb, **arguments)
