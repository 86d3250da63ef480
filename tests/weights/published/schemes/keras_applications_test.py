import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.backbones.pixel_scaling import CAFFE_RGB
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import keras_file
from keras_vidrec.weights.published.schemes.keras_applications import (
    KERAS_APPLICATIONS,
)
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import slots
from tests.applications.joined_streams import without_values

HEAD = {Slot(None, "logits", "kernel"), Slot(None, "logits", "bias")}


def translate(tensors, backbone):
    checkpoint = Checkpoint("weights.h5", "keras", tensors)
    return KERAS_APPLICATIONS.translate(checkpoint, backbone)


def tensors_of(network):
    """Arrays of their own, which nobody looks into."""
    return {
        f"{layer.name}/{weight.name}": np.empty(weight.shape, "float32")
        for layer in network.layers
        for weight in layer.weights
    }


def fills(translation, backbone):
    """Asserts that there is an array of the right shape for each weight."""
    tower = without_values(backbones.get, name_or_model=backbone)
    shapes = {slot: tuple(w.shape) for slot, w in slots(tower).items()}
    assert {
        slot: piece.array.shape
        for slot, piece in translation.pieces.items()
        if slot not in HEAD
    } == shapes
    assert translation.unknown == () and translation.ignored == {}


@pytest.mark.parametrize(
    ("backbone", "builder"),
    [
        ("resnet50_caffe", "ResNet50"),
        pytest.param("resnet101_caffe", "ResNet101", marks=pytest.mark.large),
        pytest.param("resnet152_caffe", "ResNet152", marks=pytest.mark.large),
    ],
)
def test_residual_networks(backbone, builder):
    build = getattr(keras.applications, builder)
    tensors = tensors_of(without_values(build, weights=None, classes=7))
    translation = translate(tensors, backbone)
    fills(translation, backbone)
    assert translation.scaling["rgb"] == CAFFE_RGB
    pieces = translation.pieces
    assert pieces.keys() >= HEAD
    last = "4f" if backbone == "resnet50_caffe" else "4b5"
    for ours, theirs in (
        (("conv1", "bias"), "conv1_conv/bias"),
        (("res2a_branch1", "kernel"), "conv2_block1_0_conv/kernel"),
        ((f"res{last}_branch2a", "kernel"), "conv4_block6_1_conv/kernel"),
        (("bn5c_branch2c", "moving_mean"), "conv5_block3_3_bn/moving_mean"),
        (("logits", "kernel"), "predictions/kernel"),
    ):
        assert pieces[Slot(None, *ours)].source == theirs
        assert pieces[Slot(None, *ours)].array is tensors[theirs]
    # The published file has another name for the classifier.
    tensors["probs/kernel"] = tensors.pop("predictions/kernel")
    assert translate(tensors, backbone).pieces.keys() == pieces.keys()


def test_layers_of_inception_are_counted_from_anywhere():
    rng = np.random.default_rng(0)
    network = without_values(
        keras.applications.InceptionV3, weights=None, include_top=False
    )
    tensors = tensors_of(network)
    translation = translate(tensors, "inception_v3")
    fills(translation, "inception_v3")

    def counted_from(start):
        """Numbers from `start` on, in another order."""
        numbers = {
            prefix: sorted(
                {name.split("/")[0] for name in tensors if prefix in name},
                key=lambda layer: int(layer.removeprefix(prefix)[1:] or 0),
            )
            for prefix in ("conv2d", "batch_normalization")
        }
        names = {}
        for prefix, layers in numbers.items():
            for number, layer in enumerate(layers, start=start):
                names[layer] = f"{prefix}_{number}" if number else prefix
        renamed = {}
        for place in rng.permutation(len(tensors)):
            name = list(tensors)[place]
            layer, variable = name.split("/")
            renamed[f"{names[layer]}/{variable}"] = tensors[name]
        return renamed

    for start in (0, 1, 95):
        moved = translate(counted_from(start), "inception_v3")
        assert moved.pieces.keys() == translation.pieces.keys()
        for slot, piece in moved.pieces.items():
            assert piece.array is translation.pieces[slot].array
    # One layer too few: nobody knows which.
    name = next(iter(tensors))
    fewer = {
        key: array
        for key, array in tensors.items()
        if key.split("/")[0] != name.split("/")[0]
    }
    kinds = {
        slot.layer.rpartition("_")[2]
        for slot in translate(fewer, "inception_v3").pieces
    }
    assert kinds in ({"bn"}, {"conv"})


def test_fully_connected_layers_of_vgg_become_convolutions():
    network = without_values(
        keras.applications.VGG16, weights=None, include_top=False
    )
    tensors = tensors_of(network)
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 7, 7, 5)).astype("float32")
    sizes = {"fc1": (7 * 7 * 5, 6), "fc2": (6, 4), "predictions": (4, 3)}
    for layer, shape in sizes.items():
        tensors[f"{layer}/kernel"] = rng.normal(size=shape).astype("float32")
        tensors[f"{layer}/bias"] = rng.normal(size=shape[1]).astype("float32")
    translation = translate(tensors, "vgg16")
    assert translation.unknown == ()
    pieces = {
        slot[1:]: piece.array for slot, piece in translation.pieces.items()
    }
    assert pieces["conv3_2", "kernel"] is tensors["block3_conv2/kernel"]
    assert len(pieces) == 2 * (13 + 2 + 1)
    # What Keras flattens and multiplies, and the convolution of the map.
    flat = maps.reshape(2, -1) @ tensors["fc1/kernel"] + tensors["fc1/bias"]
    x = keras.ops.conv(maps, pieces["fc6", "kernel"], padding="valid")
    x = x + pieces["fc6", "bias"]
    np.testing.assert_allclose(x[:, 0, 0], flat, rtol=1e-4, atol=1e-4)
    x = keras.ops.conv(x, pieces["fc7", "kernel"], padding="valid")
    flat = flat @ tensors["fc2/kernel"]
    np.testing.assert_allclose(x[:, 0, 0], flat, rtol=1e-4, atol=1e-4)
    # Of another size: the shape is told by whoever compares it.
    tensors["fc1/kernel"] = np.zeros((50, 6), "float32")
    slot = Slot(None, "fc6", "kernel")
    assert translate(tensors, "vgg16").pieces[slot].array.shape == (50, 6)


def test_names_of_others():
    tensors = {
        "layer1.0.conv1.weight": np.zeros((64, 64, 1, 1)),
        "conv1/kernel": np.zeros((7, 7, 3, 64)),
        "predictions/kernel": np.zeros((2048, 10)),
    }
    for backbone in KERAS_APPLICATIONS.backbones:
        translation = translate(tensors, backbone)
        assert translation.pieces == {}
        assert translation.unknown == tuple(tensors)


def test_files_as_keras_writes_them(tmp_path):
    network = keras.applications.InceptionV3(weights=None, classes=2)
    tensors = {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in network.layers
        for weight in layer.weights
    }
    expected = translate(tensors, "inception_v3").pieces
    for name in ("m.keras", "m.h5"):
        path = tmp_path / name
        network.save(path)
        checkpoint = keras_file.read(path)
        found = KERAS_APPLICATIONS.translate(checkpoint, "inception_v3")
        assert found.unknown == () and found.pieces.keys() == expected.keys()
        for slot, piece in expected.items():
            one, two = found.pieces[slot], piece
            assert one.source == two.source
            np.testing.assert_array_equal(one.array, two.array)
