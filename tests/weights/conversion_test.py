import re

import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import convert
from keras_vidrec.weights import pixels
from keras_vidrec.weights import recognition
from keras_vidrec.weights.checkpoint import Checkpoint
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.schemes.scheme import Scheme
from keras_vidrec.weights.slots import slots
from keras_vidrec.weights.translation import Piece
from keras_vidrec.weights.translation import Slot
from keras_vidrec.weights.translation import Translation

TINY = {"backbone": "tiny", "classes": 5}
SCALING = {
    "rgb": PixelScaling((1.0, 2.0, 3.0), (2.0, 4.0, 8.0), "bgr"),
    "flow": PixelScaling(127.5, 57.63),
    "rgb_diff": PixelScaling(0.0, (2.0, 4.0, 8.0), "bgr"),
}
# Tensors of the scheme of these tests are called by their slots.
IGNORED = "steps"


def translate(checkpoint, backbone):
    pieces, unknown = {}, []
    for name, array in checkpoint.tensors.items():
        stream, *place = name.split(":")
        if len(place) == 2:
            pieces[Slot(stream or None, *place)] = Piece(name, array)
        elif name != IGNORED:
            unknown.append(name)
    ignored = {IGNORED: "counts steps"} if pieces else {}
    return Translation(
        "ours", pieces, SCALING, ignored=ignored, unknown=tuple(unknown)
    )


@pytest.fixture(autouse=True)
def scheme(monkeypatch):
    ours = Scheme("ours", ("pytorch",), ("tiny",), translate)
    monkeypatch.setattr(recognition, "SCHEMES", (ours,))


def checkpoint_for(model, seed=0):
    rng = np.random.default_rng(seed)
    tensors = {
        ":".join((slot.stream or "", *slot[1:])): rng.uniform(
            0.5, 1.5, variable.shape
        ).astype("float32")
        for slot, variable in slots(model).items()
    }
    return Checkpoint("net.pth", "pytorch", {**tensors, IGNORED: np.int64(3)})


def changed(checkpoint, **tensors):
    """The same with other tensors; `None` removes one."""
    tensors = {**checkpoint.tensors, **tensors}
    kept = {name: x for name, x in tensors.items() if x is not None}
    return Checkpoint(checkpoint.path, checkpoint.format, kept)


def values(model):
    return {slot: np.array(variable) for slot, variable in slots(model).items()}


def check_values(model, checkpoint, other=()):
    """Every weight is its tensor, but those of the `other` layers."""
    for slot, value in values(model).items():
        if slot.layer not in other:
            name = ":".join((slot.stream or "", *slot[1:]))
            np.testing.assert_array_equal(value, checkpoint.tensors[name])


def refused(checkpoint, model, **arguments):
    """The message; nothing may have changed."""
    before, scalings = values(model), _scalings(model)
    with pytest.raises(ValueError) as caught:
        convert(checkpoint, model, **arguments)
    after = values(model)
    for slot, value in before.items():
        np.testing.assert_array_equal(value, after[slot])
    assert _scalings(model) == scalings
    return str(caught.value)


def _scalings(model):
    return {
        modality: layer.get_config()
        for modality, layer in pixels.pixel_layers(model).items()
    }


@pytest.fixture(scope="module")
def rgb():
    return TSN(**TINY)


@pytest.fixture(scope="module")
def flow():
    return TSN(modality="flow", **TINY)


def test_everything_has_its_place(rgb):
    checkpoint = checkpoint_for(rgb)
    report = convert(checkpoint, rgb)
    check_values(rgb, checkpoint)
    assert set(report.loaded) == set(checkpoint.tensors) - {IGNORED}
    assert report.ignored == {IGNORED: "counts steps"}
    assert report.left_out == {} and report.started_anew == ()
    assert (report.format, report.scheme) == ("pytorch", "ours")
    layer = rgb.get_layer("preprocessing")
    assert (layer.mean, layer.std) == ((1, 2, 3), (2, 4, 8))
    assert layer.channel_order == "bgr"
    assert report.pixels == {
        "rgb": "(BGR - (1, 2, 3)) / (2, 4, 8), in the model"
    }


def test_axes_of_length_one_do_not_matter(rgb):
    checkpoint = checkpoint_for(rgb)
    source = changed(
        checkpoint,
        **{
            ":logits:kernel": checkpoint.tensors[":logits:kernel"][None, None],
            ":bn_conv1:beta": checkpoint.tensors[":bn_conv1:beta"][None],
        },
    )
    convert(source, rgb)
    check_values(rgb, checkpoint)


def test_halves_and_doubles_become_float32(rgb):
    checkpoint = checkpoint_for(rgb)
    beta = checkpoint.tensors[":bn_conv1:beta"]
    convert(changed(checkpoint, **{":bn_conv1:beta": beta.astype("f8")}), rgb)
    check_values(rgb, checkpoint)


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
        "Received: net.pth (ours names)",
        "see allow_unused, 1: auxiliary.weight (3, 4)",
        "without a tensor, 1: conv1/kernel (7, 7, 3, 32)",
        "not finite, 2: :bn_conv1:gamma, :bn_conv1:moving_mean",
        "no floating point, 1: :bn_conv1:beta (int64)",
        ":logits:kernel (256, 7) for logits/kernel (256, 5), unless "
        "allow_missing has 'head'",
        "(16, 32, 1, 1) for res2a_branch2a/kernel (1, 1, 32, 16)",
    ):
        assert expected in message


def test_long_lists_are_cut(rgb):
    names = {f"more.{i}": np.zeros(1, "float32") for i in range(14)}
    message = refused(changed(checkpoint_for(rgb), **names), rgb)
    assert "allow_unused, 14: more.0 (1,), more.1 (1,)" in message
    assert "more.9 (1,) and 4 more" in message and "more.10" not in message


def test_tensors_may_be_left_out_by_pattern(rgb):
    checkpoint = changed(checkpoint_for(rgb), **{"aux.0": 0.0, "aux.1": 0.0})
    report = convert(checkpoint, rgb, allow_unused=["aux.*"])
    assert set(report.left_out) == {"aux.0", "aux.1"}
    message = refused(checkpoint, rgb, allow_unused=["aux.0"])
    assert "aux.1 ()" in message and "aux.0" not in message


@pytest.mark.parametrize("seen", ["other_number", "none"])
def test_the_head_may_start_anew(rgb, seen):
    checkpoint = checkpoint_for(rgb)
    head = dict.fromkeys((":logits:kernel", ":logits:bias"))
    if seen == "other_number":
        head = {":logits:kernel": np.ones((256, 9)), ":logits:bias": np.ones(9)}
    source = changed(checkpoint, **head)
    model = TSN(**TINY)
    before = values(model)
    report = convert(source, model, allow_missing=["head"])
    check_values(model, checkpoint, other=("logits",))
    for variable in ("kernel", "bias"):
        slot = Slot(None, "logits", variable)
        np.testing.assert_array_equal(values(model)[slot], before[slot])
    assert report.started_anew == ("logits",)
    left_out = {*head} if seen == "other_number" else set()
    assert set(report.left_out) == left_out
    assert not {*head} & {*report.loaded}


def test_a_layer_starts_anew_as_a_whole():
    model = TSN(**TINY)
    source = changed(checkpoint_for(model), **{":bn_conv1:gamma": None})
    before = values(model)
    assert "bn_conv1/gamma (32,)" in refused(source, model)
    report = convert(source, model, allow_missing=["bn_conv1"])
    beta = Slot(None, "bn_conv1", "beta")
    np.testing.assert_array_equal(values(model)[beta], before[beta])
    assert report.started_anew == ("bn_conv1",)
    assert report.left_out[":bn_conv1:beta"] == "its layer starts anew"


def test_without_a_classifier():
    network = TSN(include_top=False, **TINY)
    tower = backbones.get("tiny")
    checkpoint = checkpoint_for(TSN(**TINY))
    for model in (network, tower):
        report = convert(checkpoint, model)
        check_values(model, checkpoint)
        assert set(report.left_out.values()) == {"the model has no classifier"}
        assert len(report.left_out) == 2
    assert report.pixels["rgb"].endswith("not in the model: scale them before")


@pytest.mark.parametrize("mode", ["mean", "symmetric", "scaled"])
def test_inflation(rgb, flow, mode):
    checkpoint = checkpoint_for(rgb)
    report = convert(checkpoint, flow, inflate=mode)
    check_values(flow, checkpoint, other=("conv1",))
    kernel = checkpoint.tensors[":conv1:kernel"]
    np.testing.assert_array_equal(
        values(flow)[Slot(None, "conv1", "kernel")],
        inflate_kernel(kernel, 10, mode),
    )
    assert report.inflated == (f"conv1 (3 to 10 channels: {mode})",)
    layer = flow.get_layer("preprocessing")
    assert (layer.mean, layer.std) == (127.5, 57.63)


def test_inflation_is_asked_for(rgb, flow):
    message = refused(checkpoint_for(rgb), flow)
    assert "(7, 7, 3, 32) for conv1/kernel (7, 7, 10, 32), unless" in message
    assert "inflate is 'mean'" in message
    message = refused(checkpoint_for(rgb), rgb, inflate="mean")
    assert "nothing is to be inflated" in message
    longer = TSN(modality="flow", snippet_length=10, **TINY)
    message = refused(checkpoint_for(longer), flow)
    assert "see modality and snippet_length" in message
    with pytest.raises(ValueError, match="Invalid `inflate`"):
        convert(checkpoint_for(rgb), flow, inflate="copy")


def test_differences_are_scaled_by_the_first_convolution():
    """The network of raw frames gives what the author's gave, which scaled
    the differences itself."""
    arguments = {"modality": "rgb_diff", "include_top": False, **TINY}
    model = TSN(pooling="avg", **arguments)
    checkpoint = checkpoint_for(model)
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(7, 7, 15, 32)).astype("float32")
    checkpoint = changed(checkpoint, **{":conv1:kernel": kernel})
    report = convert(checkpoint, model)
    assert report.pixels == {"rgb_diff": "(BGR - 0) / (2, 4, 8), in conv1"}
    frames = rng.integers(0, 256, (1, 1, 32, 32, 18)).astype("float32")
    layer = model.get_layer("rgb_diff").get_layer("conv1")
    differences = frames[0, :, ..., 3:] - frames[0, :, ..., :-3]
    found = np.asarray(layer(differences))

    scaled = differences.reshape(1, 32, 32, 5, 3)[..., ::-1]
    scaled = (scaled / [2, 4, 8]).reshape(1, 32, 32, 15).astype("float32")
    author = TSN(include_preprocessing=False, pooling="avg", **arguments)
    report = convert(checkpoint, author)
    assert report.pixels["rgb_diff"].endswith("scale them before")
    layer = author.get_layer("rgb_diff").get_layer("conv1")
    expected = np.asarray(layer(scaled))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)


def test_two_streams():
    model = TwoStreamFusion(**TINY)
    checkpoint = checkpoint_for(model)
    report = convert(checkpoint, model)
    check_values(model, checkpoint)
    assert list(report.pixels) == ["rgb", "flow"]
    layers = pixels.pixel_layers(model)
    assert (layers["rgb"].std, layers["flow"].std) == ((2, 4, 8), 57.63)


def test_a_stream_of_two(flow):
    two = TwoStreamConvNet(snippet_length=5, **TINY)
    checkpoint = checkpoint_for(two)
    report = convert(checkpoint, flow)
    for slot, value in values(flow).items():
        name = ":".join(("flow", *slot[1:]))
        np.testing.assert_array_equal(value, checkpoint.tensors[name])
    assert len(report.loaded) == len(slots(flow))
    rgb = {name for name in checkpoint.tensors if name.startswith("rgb:")}
    assert set(report.left_out) == rgb
    assert set(report.left_out.values()) == {"not of the stream flow"}


def test_one_stream_is_not_enough_for_two(rgb):
    message = refused(checkpoint_for(rgb), TwoStreamFusion(**TINY))
    assert "Received: net.pth, of one stream" in message
    assert "`weights.copy_streams`" in message
    assert '"initialisation.weights={flow: PATH, rgb: PATH}"' in message


def test_a_scaling_that_does_not_fit(monkeypatch, flow):
    """A layer of flow cannot be scaled by three colours."""
    monkeypatch.setitem(SCALING, "flow", SCALING["rgb"])
    message = refused(checkpoint_for(flow), flow)
    assert "Expected a multiple of 3 channels" in message


def test_different_backbones_are_refused(rgb):
    model = TwoStreamConvNet(temporal_backbone="bn_inception", **TINY)
    message = refused(checkpoint_for(rgb), model)
    assert "the same backbone for every stream" in message


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
