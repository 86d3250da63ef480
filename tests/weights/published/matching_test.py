import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.weights import convert
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.published.matching import Matching
from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import slots
from tests.applications.joined_streams import without_values
from tests.weights.slot_scheme import SCALING
from tests.weights.slot_scheme import TINY
from tests.weights.slot_scheme import changed
from tests.weights.slot_scheme import check_values
from tests.weights.slot_scheme import checkpoint_for
from tests.weights.slot_scheme import refused
from tests.weights.slot_scheme import values

pytestmark = pytest.mark.usefixtures("slot_scheme")


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


def test_tensors_may_be_left_out_by_pattern(rgb):
    checkpoint = changed(checkpoint_for(rgb), **{"aux.0": 0.0, "aux.1": 0.0})
    report = convert(checkpoint, rgb, allow_unused=["aux.*"])
    assert set(report.left_out) == {"aux.0", "aux.1"}
    message = refused(checkpoint, rgb, allow_unused=["aux.0"])
    assert "aux.1 ()" in message and "aux.0" not in message


@pytest.fixture(scope="module")
def differences():
    return TSN(modality="rgb_diff", include_top=False, pooling="avg", **TINY)


@pytest.mark.parametrize("seen", ["other_number", "none"])
def test_the_head_may_stay_random(rgb, seen):
    # Other values than an earlier test may have loaded.
    checkpoint = checkpoint_for(rgb, len(seen))
    head = dict.fromkeys((":logits:kernel", ":logits:bias"))
    if seen == "other_number":
        head = {":logits:kernel": np.ones((256, 9)), ":logits:bias": np.ones(9)}
    source = changed(checkpoint, **head)
    model = rgb
    before = values(model)
    report = convert(source, model, allow_missing=["head"])
    check_values(model, checkpoint, other=("logits",))
    for variable in ("kernel", "bias"):
        slot = Slot(None, "logits", variable)
        np.testing.assert_array_equal(values(model)[slot], before[slot])
    assert report.kept == ("logits",)
    left_out = {*head} if seen == "other_number" else set()
    assert set(report.left_out) == left_out
    assert not {*head} & {*report.loaded}


def test_a_layer_starts_anew_as_a_whole(rgb):
    model = rgb
    source = changed(checkpoint_for(model, 7), **{":bn_conv1:gamma": None})
    before = values(model)
    assert "bn_conv1/gamma (32,)" in refused(source, model)
    report = convert(source, model, allow_missing=["bn_conv1"])
    beta = Slot(None, "bn_conv1", "beta")
    np.testing.assert_array_equal(values(model)[beta], before[beta])
    assert report.kept == ("bn_conv1",)
    assert report.left_out[":bn_conv1:beta"] == "its layer keeps its weights"


def test_without_a_classifier(rgb):
    network = TSN(include_top=False, **TINY)
    tower = backbones.get("tiny")
    checkpoint = checkpoint_for(rgb)
    for model in (network, tower):
        report = convert(checkpoint, model, backbone="tiny")
        check_values(model, checkpoint)
        assert set(report.left_out.values()) == {"the model has no classifier"}
        assert len(report.left_out) == 2
    assert report.pixels["rgb"].endswith("not in the model: scale them before")


@pytest.mark.parametrize("mode", ["avg", "symmetric", "scaled"])
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
    assert "inflate is 'avg'" in message
    message = refused(checkpoint_for(rgb), rgb, inflate="avg")
    assert "inflate, which no convolution needs" in message
    longer = without_values(TSN, modality="flow", snippet_length=10, **TINY)
    message = refused(checkpoint_for(longer), flow)
    assert "see modality and snippet_length" in message
    with pytest.raises(ValueError, match="Invalid `inflate`"):
        convert(checkpoint_for(rgb), flow, inflate="copy")


def test_differences_are_scaled_by_the_first_convolution(differences):
    """The network of raw frames gives what the author's gave, which scaled
    the differences itself."""
    model = differences
    checkpoint = checkpoint_for(model)
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(7, 7, 15, 32)).astype("float32")
    checkpoint = changed(checkpoint, **{":conv1:kernel": kernel})
    report = convert(checkpoint, model, backbone="tiny")
    assert report.pixels == {"rgb_diff": "(BGR - 0) / (2, 4, 8), in conv1"}
    frames = rng.integers(0, 256, (1, 1, 32, 32, 18)).astype("float32")
    layer = model.get_layer("rgb_diff").get_layer("conv1")
    differences = frames[0, :, ..., 3:] - frames[0, :, ..., :-3]
    found = np.asarray(layer(differences))

    scaled = differences.reshape(1, 32, 32, 5, 3)[..., ::-1]
    scaled = (scaled / [2, 4, 8]).reshape(1, 32, 32, 15).astype("float32")
    author = TSN(
        modality="rgb_diff",
        include_preprocessing=False,
        include_top=False,
        **TINY,
    )
    report = convert(checkpoint, author, backbone="tiny")
    assert report.pixels["rgb_diff"].endswith("scale them before")
    layer = author.get_layer("rgb_diff").get_layer("conv1")
    expected = np.asarray(layer(scaled))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)


def test_a_first_layer_that_starts_anew_is_not_inflated():
    """It lacks its bias, and the network of colors fits else."""
    colors = backbones.get("vgg_m_2048", endpoints=["relu2"])
    motion = backbones.get(
        "vgg_m_2048", channels=10, endpoints=["relu2"], name="flow"
    )
    kernel = Slot(None, "conv1", "kernel")
    before = values(motion)
    matching = Matching(
        checkpoint_for(colors),
        Translation(
            "ours",
            {
                slot: Piece(f"{slot.layer}:{slot.variable}", value)
                for slot, value in values(colors).items()
                if slot != kernel._replace(variable="bias")
            },
            SCALING,
        ),
        motion,
        streams=(None,),
        may_miss={(None, "conv1")},
        allow_unused=(),
        inflate="avg",
    )
    assert matching.problems == {} and kernel not in matching.arrays
    report = matching.report()
    assert report.inflated == () and report.kept == ("conv1",)
    assert report.left_out == {"conv1:kernel": "its layer keeps its weights"}
    np.testing.assert_array_equal(before[kernel], values(motion)[kernel])


def test_a_first_layer_that_starts_anew_scales_nothing(differences):
    model = differences
    source = changed(checkpoint_for(model), **{":conv1:kernel": None})
    report = convert(source, model, allow_missing=["conv1"], backbone="tiny")
    assert report.pixels == {
        "rgb_diff": "conv1, which scales them, is not loaded"
    }


def test_biases_that_the_source_has_not(rgb):
    """And one tensor that holds two weights."""
    mean, variance = (
        Slot(None, "bn_conv1", f"moving_{what}")
        for what in ("mean", "variance")
    )
    bias = Slot(None, "logits", "bias")
    pieces = {
        slot: Piece(
            "moments" if slot in (mean, variance) else f"{slot}",
            np.ones(variable.shape, "float32"),
        )
        for slot, variable in slots(rgb).items()
        if slot != bias
    }
    matching = Matching(
        checkpoint_for(rgb),
        Translation("ours", pieces, SCALING, zero_biases=(bias,)),
        rgb,
        streams=(None,),
        may_miss=set(),
        allow_unused=(),
        inflate=None,
    )
    assert matching.problems == {}
    np.testing.assert_array_equal(matching.arrays[bias], np.zeros(5))
    report = matching.report()
    assert report.zero_biases == ("logits",)
    assert len(report.loaded) == len(slots(rgb)) - 2
    assert report.loaded.count("moments") == 1
