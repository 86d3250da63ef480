import keras
import numpy as np
import pytest

from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import convert
from keras_vidrec.weights.pixels import scale_pixels
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import keras_file
from keras_vidrec.weights.published.schemes.own import KERAS_VIDREC
from keras_vidrec.weights.towers import slots


def randomized(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def translated(model, path, backbone="tiny"):
    save = model.save if path.suffix == ".keras" else model.save_weights
    save(path)
    return KERAS_VIDREC.translate(keras_file.read(path), backbone)


def assert_same(translation, model):
    want = slots(model)
    assert translation.pieces.keys() == want.keys()
    for slot, weight in want.items():
        found = translation.pieces[slot].array
        np.testing.assert_array_equal(found, weight, err_msg=str(slot))
    assert translation.unknown == ()


FILES = ("m.keras", "m.weights.h5")


def test_all_weights_of_a_network(tmp_path):
    names = ("archery", "diving", "fencing")
    model = randomized(
        TSN(backbone="tiny", classes=3, num_segments=3, consensus="weighted")
    )
    scaling = PixelScaling((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), "bgr")
    scale_pixels(model, {"rgb": scaling})
    model.get_layer("predictions").class_names = names
    for name in FILES:
        translation = translated(model, tmp_path / name)
        assert_same(translation, model)
        assert translation.scheme == "keras_vidrec"
        # Weights alone do not say what they were trained on.
        whole = name == "m.keras"
        assert translation.scaling == ({"rgb": scaling} if whole else {})
        facts = keras_file.read(tmp_path / name).facts
        assert facts["class_names"] == (names if whole else None)
        ignored = {*translation.ignored.values()}
        assert ignored <= {"the state of random numbers"}


def test_all_weights_of_two_streams(tmp_path):
    model = randomized(TwoStreamFusion(backbone="tiny", classes=3))
    streams = {
        "rgb": PixelScaling(1.0, 2.0, "bgr"),
        "flow": PixelScaling(3.0, 4.0),
    }
    scale_pixels(model, streams)
    for name in FILES:
        translation = translated(model, tmp_path / name)
        assert_same(translation, model)
        assert translation.scaling == (streams if name == "m.keras" else {})
        found = {slot.stream for slot in translation.pieces}
        assert found == {None, "rgb", "flow"}


def test_streams_of_different_backbones(tmp_path):
    model = randomized(
        TwoStreamConvNet(
            backbone={"rgb": "tiny", "flow": "googlenet"}, classes=3
        )
    )
    model.save(tmp_path / "m.keras")
    saved = model.get_weights()
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    report = convert(tmp_path / "m.keras", model)
    assert report.left_out == {} and report.kept == ()
    for one, two in zip(saved, model.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_pixels_of_networks_inside_a_network(tmp_path):
    networks = {
        modality: TSN(backbone="tiny", classes=3, modality=modality)
        for modality in ("rgb", "warped_flow")
    }
    model = randomized(LateFusion(networks))
    wanted = PixelScaling(3.0, 4.0)
    scale_pixels(networks["warped_flow"], {"warped_flow": wanted})
    translation = translated(model, tmp_path / "m.keras")
    assert_same(translation, model)
    assert translation.scaling.keys() == {"rgb", "flow"}
    assert translation.scaling["flow"] == wanted


def test_layers_of_layers(tmp_path):
    model = randomized(STFN(backbone="tiny", streams=("rgb",), classes=3))
    assert_same(translated(model, tmp_path / "m.keras"), model)


def test_other_backbones_and_other_files(tmp_path):
    model = TSN(backbone="tiny", classes=3)
    translation = translated(model, tmp_path / "m.keras", "vgg16")
    assert translation.pieces == {} and len(translation.unknown) > 100
    # The first ResNet-50 of keras.applications has these names and others'
    # batch normalizations.
    checkpoint = keras_file.read(tmp_path / "m.keras")
    older = Checkpoint(
        checkpoint.path,
        "keras",
        checkpoint.tensors,
        {**checkpoint.facts, "layout": "legacy"},
    )
    assert KERAS_VIDREC.translate(older, "tiny").pieces == {}


def test_a_blueprint_says_the_release_of_a_resnet(tmp_path):
    """Caffe's and its authors' have the same weights."""
    with keras.StatelessScope(initialize_variables=False):
        config = TSN(backbone="resnet50_caffe", classes=3).get_config()
    layers = [
        {"class_name": layer["class_name"], "config": layer["config"]}
        for layer in config["layers"]
        if layer["class_name"] == "ClassScores"
    ]
    checkpoint = residual("caffe", {"config": {"layers": layers}})
    for backbone, known in (
        ("resnet50_caffe", True),
        ("resnet50_msra", False),
        ("resnet50", False),
    ):
        translation = KERAS_VIDREC.translate(checkpoint, backbone)
        assert bool(translation.pieces) is known


@pytest.mark.parametrize("style", ["caffe", "pytorch"])
def test_biases_say_it_where_there_is_none(style):
    checkpoint = residual(style, None)
    for backbone, known in (
        ("resnet50", style == "pytorch"),
        # Biases have both other releases.
        ("resnet50_caffe", style == "caffe"),
        ("resnet50_msra", style == "caffe"),
        ("resnet101", False),
    ):
        translation = KERAS_VIDREC.translate(checkpoint, backbone)
        assert bool(translation.pieces) is known


def residual(style, config):
    shape, places = (1, 1, 4, 4), ("kernel", "bias")[: 1 + (style == "caffe")]
    layers = {
        f"rgb/res{unit}_branch2c/kernel": np.zeros(shape)
        for unit in ("2a", "2b", "2c", "3a", "3b", "3c", "3d")
    }
    for variable in places:
        layers[f"rgb/res2a_branch2a/{variable}"] = np.zeros(shape)
    facts = {
        "layout": "keras3",
        "layers": {name: name.rpartition("/")[0] for name in layers},
        "config": config,
    }
    return Checkpoint("m.weights.h5", "keras", layers, facts)
