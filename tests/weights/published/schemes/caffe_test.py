import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers.caffe_file import read
from keras_vidrec.weights.published.schemes.caffe import CAFFE
from keras_vidrec.weights.towers import Slot
from tests.applications.joined_streams import without_values
from tests.layers.spatial_pooling_test import caffe_pool
from tests.weights.published.readers.caffe_messages import network
from tests.weights.published.readers.caffe_messages import write

TSN_RGB = PixelScaling((104.0, 117.0, 123.0), channel_order="bgr")
VGG_RGB = PixelScaling((103.939, 116.779, 123.68), channel_order="bgr")

# Blobs `(filters, channels, height, width)` of BN-Inception's blocks as the
# release for temporal segment networks has them: channels in; filters.
BN_BLOCKS = {
    "3a": (192, 64, (64, 64), (64, 96, 96), 32),
    "3b": (256, 64, (64, 96), (64, 96, 96), 64),
    "3c": (320, None, (128, 160), (64, 96, 96), None),
    "4a": (576, 224, (64, 96), (96, 128, 128), 128),
    "4b": (576, 192, (96, 128), (96, 128, 128), 128),
    "4c": (576, 160, (128, 160), (128, 160, 160), 128),
    "4d": (608, 96, (128, 192), (160, 192, 192), 128),
    "4e": (608, None, (128, 192), (192, 256, 256), None),
    "5a": (1056, 352, (192, 320), (160, 224, 224), 128),
    "5b": (1024, 352, (192, 320), (192, 224, 224), 128),
}
GOOGLENET_BLOCKS = {
    "3a": (192, 64, (96, 128), (16, 32), 32),
    "3b": (256, 128, (128, 192), (32, 96), 64),
    "4a": (480, 192, (96, 208), (16, 48), 64),
    "4b": (512, 160, (112, 224), (24, 64), 64),
    "4c": (512, 128, (128, 256), (24, 64), 64),
    "4d": (512, 112, (144, 288), (32, 64), 64),
    "4e": (528, 256, (160, 320), (32, 128), 128),
    "5a": (832, 256, (160, 320), (32, 128), 128),
    "5b": (832, 384, (192, 384), (48, 128), 128),
}


def stem(channels):
    return {
        "conv1/7x7_s2": (64, channels, 7, 7),
        "conv2/3x3_reduce": (64, 64, 1, 1),
        "conv2/3x3": (192, 64, 3, 3),
    }


def bn_inception_kernels(channels=3):
    kernels = stem(channels)
    for block, (width, point, single, double, pool) in BN_BLOCKS.items():
        name = f"inception_{block}"
        if point:
            kernels[f"{name}/1x1"] = (point, width, 1, 1)
        kernels[f"{name}/3x3_reduce"] = (single[0], width, 1, 1)
        kernels[f"{name}/3x3"] = (single[1], single[0], 3, 3)
        kernels[f"{name}/double_3x3_reduce"] = (double[0], width, 1, 1)
        kernels[f"{name}/double_3x3_1"] = (double[1], double[0], 3, 3)
        kernels[f"{name}/double_3x3_2"] = (double[2], double[1], 3, 3)
        if pool:
            kernels[f"{name}/pool_proj"] = (pool, width, 1, 1)
    return kernels


def googlenet_kernels():
    kernels = stem(3)
    for block, (width, point, three, five, pool) in GOOGLENET_BLOCKS.items():
        name = f"inception_{block}"
        kernels[f"{name}/1x1"] = (point, width, 1, 1)
        kernels[f"{name}/3x3_reduce"] = (three[0], width, 1, 1)
        kernels[f"{name}/3x3"] = (three[1], three[0], 3, 3)
        kernels[f"{name}/5x5_reduce"] = (five[0], width, 1, 1)
        kernels[f"{name}/5x5"] = (five[1], five[0], 5, 5)
        kernels[f"{name}/pool_proj"] = (pool, width, 1, 1)
    return kernels


def resnet_kernels(units):
    kernels = {"conv1": (64, 3, 7, 7)}
    width = 64
    for stage, (count, filters) in enumerate(zip(units, (64, 128, 256, 512))):
        for unit in range(count):
            # The second and third stage of the deeper networks have numbers.
            numbered = unit > 0 and sum(units) > 16 and stage in (1, 2)
            letter = f"b{unit}" if numbered else "abcdef"[unit]
            name = f"res{stage + 2}{letter}_branch"
            if unit == 0:
                kernels[f"{name}1"] = (4 * filters, width, 1, 1)
            kernels[f"{name}2a"] = (filters, width, 1, 1)
            kernels[f"{name}2b"] = (filters, filters, 3, 3)
            kernels[f"{name}2c"] = (4 * filters, filters, 1, 1)
            width = 4 * filters
    return kernels


def fill(shapes):
    """Random tensors of these shapes, variances positive."""
    random = np.random.default_rng(0)
    tensors = {}
    for name, shape in shapes.items():
        tensor = random.normal(0, 0.1, shape).astype(np.float32)
        if name.endswith("_bn:3"):
            tensor = np.abs(tensor) + 0.5
        tensors[name] = tensor
    return tensors


def tsn(channels=3, classes=101):
    """BN-Inception with the four-blob normalization of `(1, C)`."""
    shapes = {}
    for name, shape in bn_inception_kernels(channels).items():
        shapes[f"{name}:0"], shapes[f"{name}:1"] = shape, shape[:1]
        for blob in range(4):
            shapes[f"{name}_bn:{blob}"] = (1, shape[0])
    shapes["fc-action:0"], shapes["fc-action:1"] = (classes, 1024), (classes,)
    return fill(shapes)


def bvlc(units, bias):
    """A residual network, each normalization in two layers."""
    shapes = {}
    for name, shape in resnet_kernels(units).items():
        shapes[f"{name}:0"] = shape
        role = name.removeprefix("res") if name != "conv1" else "_conv1"
        shapes |= {f"bn{role}:{blob}": shape[:1] for blob in range(2)}
        shapes[f"bn{role}:2"] = (1,)
        shapes |= {f"scale{role}:{blob}": shape[:1] for blob in range(2)}
    if bias:
        shapes["conv1:1"] = (64,)
    tensors = fill({**shapes, "fc1000:0": (1000, 2048), "fc1000:1": (1000,)})
    for name, tensor in tensors.items():
        if name.startswith("bn") and name.endswith(":1"):
            np.abs(tensor, out=tensor)
        if name.startswith("bn") and name.endswith(":2"):
            tensor[:] = 4.0
    return tensors


def weighted(kernels, head, features):
    """Layers of a kernel and a bias each."""
    shapes = {**kernels, head: (7, features)}
    return fill(
        {f"{name}:0": shape for name, shape in shapes.items()}
        | {f"{name}:1": shape[:1] for name, shape in shapes.items()}
    )


def translate(tensors, backbone):
    return CAFFE.translate(Checkpoint("net", "caffe", tensors), backbone)


def weights(tower):
    return {
        Slot(None, layer.name, weight.name): weight
        for layer in tower.layers
        for weight in layer.weights
    }


def check_filled(translation, backbone, **arguments):
    """Every weight of the tower, and the classifier, has a piece that fits, or
    is known to be zero."""
    tower = without_values(backbones.get, name_or_model=backbone, **arguments)
    shapes = {
        slot: tuple(weight.shape) for slot, weight in weights(tower).items()
    }
    pieces = {
        slot: piece.array.shape
        for slot, piece in translation.pieces.items()
        if slot.layer != "logits"
    }
    zeros = {slot: shapes[slot] for slot in translation.zero_biases}
    assert pieces.keys().isdisjoint(zeros) and pieces | zeros == shapes
    assert {Slot(None, "logits", "kernel"), Slot(None, "logits", "bias")} == (
        translation.pieces.keys() - shapes.keys()
    )


def test_bn_inception_of_temporal_segment_networks():
    tensors = tsn(channels=10)
    translation = translate(tensors, "bn_inception")
    check_filled(translation, "bn_inception", channels=10)
    assert translation.unknown == ()
    assert translation.ignored == {}
    sources = {piece.source for piece in translation.pieces.values()}
    assert sources == tensors.keys()
    for layer, variable, source, axes in (
        ("conv1_7x7_s2", "kernel", "conv1/7x7_s2:0", (2, 3, 1, 0)),
        ("inception_3c_3x3", "bias", "inception_3c/3x3:1", None),
        ("inception_5b_1x1", "kernel", "inception_5b/1x1:0", (2, 3, 1, 0)),
        ("conv2_3x3_bn", "gamma", "conv2/3x3_bn:0", None),
        ("conv2_3x3_bn", "beta", "conv2/3x3_bn:1", None),
        ("conv2_3x3_bn", "moving_mean", "conv2/3x3_bn:2", None),
        ("conv2_3x3_bn", "moving_variance", "conv2/3x3_bn:3", None),
        ("logits", "kernel", "fc-action:0", (1, 0)),
        ("logits", "bias", "fc-action:1", None),
    ):
        piece = translation.pieces[Slot(None, layer, variable)]
        expected = tensors[source]
        expected = expected.transpose(axes) if axes else expected.ravel()
        assert piece.source == source
        np.testing.assert_array_equal(piece.array, expected)
    assert translation.scaling == {
        "rgb": TSN_RGB,
        "flow": PixelScaling(128.0),
        "rgb_diff": PixelScaling(0.0, channel_order="bgr"),
    }


@pytest.mark.parametrize("head", ["fc", "fc-action", "fc_ucf101"])
def test_heads_of_bn_inception(head):
    tensors = {f"{head}:0": np.ones((3, 1024)), f"{head}:1": np.ones(3)}
    pieces = translate(tensors, "bn_inception").pieces
    assert pieces[Slot(None, "logits", "kernel")].array.shape == (1024, 3)
    assert pieces[Slot(None, "logits", "bias")].source == f"{head}:1"


def caffe_convolution(x, kernel, bias, strides, padding):
    """Caffe's convolution of `(rows, columns, channels)`, in float64."""
    x = np.pad(x, [(padding, padding)] * 2 + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(
        x, kernel.shape[2:], axis=(0, 1)
    )[::strides, ::strides]
    return np.einsum("yxchw,kchw->yxk", windows, kernel) + bias


def caffe_unit(x, tensors, name, strides=1, padding=0):
    """Convolution, normalization of temporal segment networks and ReLU."""
    kernel, bias = (tensors[f"{name}:{n}"].astype("float64") for n in (0, 1))
    x = caffe_convolution(x, kernel, bias, strides, padding)
    slope, shift, mean, variance = (
        tensors[f"{name}_bn:{blob}"][0].astype("float64") for blob in range(4)
    )
    return np.maximum(slope * (x - mean) / np.sqrt(variance + 1e-5) + shift, 0)


def test_a_file_of_bn_inception_computes_as_in_caffe(tmp_path):
    """The stem and the first block, at odd sizes, from the file's tensors."""
    tensors = {
        name: tensor
        for name, tensor in tsn().items()
        if name.startswith(("conv", "inception_3a"))
    }
    layers = {}
    for name, tensor in tensors.items():
        name = name.rpartition(":")[0]
        kind = "BN" if name.endswith("_bn") else "Convolution"
        layers.setdefault(name, (kind, []))[1].append(tensor)
    path = write(tmp_path / "tsn.caffemodel", network(layers))
    translation = CAFFE.translate(read(path), "bn_inception")
    tower = backbones.get("bn_inception", endpoints=["inception_3a"])
    places = weights(tower)
    assert places.keys() == translation.pieces.keys()
    for slot, piece in translation.pieces.items():
        places[slot].assign(piece.array)

    image = np.random.default_rng(1).normal(0, 60, (53, 46, 3))
    x = caffe_unit(image, tensors, "conv1/7x7_s2", strides=2, padding=3)
    x = caffe_pool(x[None], 3, 2, 0, "max")[0]
    x = caffe_unit(x, tensors, "conv2/3x3_reduce")
    x = caffe_unit(x, tensors, "conv2/3x3", padding=1)
    x = caffe_pool(x[None], 3, 2, 0, "max")[0]

    def branch(x, *roles):
        for role in roles:
            padding = (
                1 if role in ("3x3", "double_3x3_1", "double_3x3_2") else 0
            )
            x = caffe_unit(x, tensors, f"inception_3a/{role}", 1, padding)
        return x

    y = np.concatenate(
        [
            branch(x, "1x1"),
            branch(x, "3x3_reduce", "3x3"),
            branch(x, "double_3x3_reduce", "double_3x3_1", "double_3x3_2"),
            branch(caffe_pool(x[None], 3, 1, 1, "average")[0], "pool_proj"),
        ],
        axis=-1,
    )
    (found,) = keras.tree.flatten(tower(image[None].astype(np.float32)))
    np.testing.assert_allclose(found[0], y, rtol=1e-4, atol=1e-4 * y.max())


@pytest.mark.parametrize(
    "backbone, units, bias",
    [
        ("resnet50_msra", (3, 4, 6, 3), True),
        pytest.param(
            "resnet101_msra", (3, 4, 23, 3), False, marks=pytest.mark.large
        ),
        pytest.param(
            "resnet152_msra", (3, 8, 36, 3), False, marks=pytest.mark.large
        ),
    ],
)
def test_residual_networks(backbone, units, bias):
    tensors = bvlc(units, bias)
    tensors["bn3a_branch1:2"][:] = 0
    translation = translate(tensors, backbone)
    check_filled(translation, backbone)
    assert translation.scaling["rgb"] == VGG_RGB
    assert translation.unknown == ()
    pieces = translation.pieces
    factors = {
        name
        for name in tensors
        if name.startswith("bn") and name.endswith(":2")
    }
    assert translation.ignored.keys() == factors
    sources = {piece.source for piece in pieces.values()}
    assert tensors.keys() - factors == sources
    zeros = translation.zero_biases
    assert len(zeros) == 3 * sum(units) + 4 + (0 if bias else 1)
    assert (Slot(None, "conv1", "bias") in zeros) != bias
    assert Slot(None, "res5c_branch2c", "bias") in zeros
    for layer, variable, expected in (
        ("bn2a_branch2b", "gamma", tensors["scale2a_branch2b:0"]),
        ("bn2a_branch2b", "beta", tensors["scale2a_branch2b:1"]),
        ("bn2a_branch2b", "moving_mean", tensors["bn2a_branch2b:0"] / 4),
        ("bn_conv1", "moving_variance", tensors["bn_conv1:1"] / 4),
        ("bn3a_branch1", "moving_variance", np.zeros(512)),
        *([("conv1", "bias", tensors["conv1:1"])] if bias else ()),
    ):
        piece = pieces[Slot(None, layer, variable)]
        np.testing.assert_array_equal(piece.array, expected)
        assert piece.array.dtype == np.float32


def test_moments_without_their_factor_are_unknown():
    moments = {f"bn_conv1:{blob}": np.ones(64) for blob in range(2)}
    translation = translate(moments, "resnet50_msra")
    assert translation.pieces == {}
    assert translation.unknown == ("bn_conv1:0", "bn_conv1:1")
    four = {f"bn_conv1:{blob}": np.ones(64) for blob in range(4)}
    assert translate(four, "resnet50_msra").unknown == tuple(four)


def test_googlenet():
    tensors = weighted(googlenet_kernels(), "loss3/classifier", 1024)
    auxiliary = {
        "loss1/conv:0": np.ones((128, 512, 1, 1)),
        "loss2/fc:1": np.ones(1),
    }
    translation = translate({**tensors, **auxiliary}, "googlenet")
    check_filled(translation, "googlenet")
    assert translation.ignored.keys() == auxiliary.keys()
    assert translation.unknown == ()
    assert translation.scaling["rgb"] == TSN_RGB
    kernel = translation.pieces[Slot(None, "inception_4e_5x5", "kernel")]
    np.testing.assert_array_equal(
        kernel.array, tensors["inception_4e/5x5:0"].transpose(2, 3, 1, 0)
    )


def vgg(convolutions, map_size, fc6=8, fc7=6, head="fc8"):
    """VGG with fewer features in its fully connected layers."""
    kernels = {
        **convolutions,
        "fc6": (fc6, 512 * map_size**2),
        "fc7": (fc7, 4096),
    }
    return weighted(kernels, head, fc7)


VGG16 = {
    "conv1_1": (64, 3, 3, 3),
    "conv1_2": (64, 64, 3, 3),
    "conv2_1": (128, 64, 3, 3),
    "conv2_2": (128, 128, 3, 3),
    "conv3_1": (256, 128, 3, 3),
    "conv3_2": (256, 256, 3, 3),
    "conv3_3": (256, 256, 3, 3),
    **{f"conv4_{n}": (512, 256 if n == 1 else 512, 3, 3) for n in (1, 2, 3)},
    **{f"conv5_{n}": (512, 512, 3, 3) for n in (1, 2, 3)},
}
VGG_M = {
    "conv1": (96, 3, 7, 7),
    "conv2": (256, 96, 5, 5),
    "conv3": (512, 256, 3, 3),
    "conv4": (512, 512, 3, 3),
    "conv5": (512, 512, 3, 3),
}


@pytest.mark.parametrize(
    "backbone, convolutions, map_size",
    [("vgg16", VGG16, 7), ("vgg_m_2048", VGG_M, 6)],
)
def test_vgg(backbone, convolutions, map_size):
    tensors = vgg(convolutions, map_size)
    translation = translate(tensors, backbone)
    pieces = dict(translation.pieces)
    assert {piece.source for piece in pieces.values()} == tensors.keys()
    assert translation.unknown == ()
    assert translation.scaling["rgb"] == VGG_RGB
    # A fully connected layer of Caffe sees channels, then rows and columns.
    random = np.random.default_rng(1)
    maps = random.normal(size=(map_size, map_size, 512)).astype(np.float32)
    fc6 = pieces[Slot(None, "fc6", "kernel")].array
    assert fc6.shape == (map_size, map_size, 512, 8)
    np.testing.assert_allclose(
        np.einsum("hwc,hwcf->f", maps, fc6),
        tensors["fc6:0"] @ maps.transpose(2, 0, 1).ravel(),
        rtol=1e-3,
        atol=1e-3,
    )
    fc7 = pieces[Slot(None, "fc7", "kernel")].array
    np.testing.assert_array_equal(fc7, tensors["fc7:0"].T[None, None])
    tower = without_values(
        backbones.get, name_or_model=backbone, endpoints=["relu5"]
    )
    fully_connected = {"fc6", "fc7", "logits"}
    assert {
        slot: piece.array.shape
        for slot, piece in pieces.items()
        if slot.layer not in fully_connected
    } == {slot: tuple(weight.shape) for slot, weight in weights(tower).items()}


@pytest.mark.parametrize(
    "head, rgb",
    [
        ("fc8", VGG_RGB),
        ("fc8_ucf", VGG_RGB),
        ("fc8-1", TSN_RGB),
        ("fc8-2", TSN_RGB),
    ],
)
def test_heads_of_vgg16(head, rgb):
    translation = translate(vgg({}, 7, head=head), "vgg16")
    kernel = translation.pieces[Slot(None, "logits", "kernel")]
    assert kernel.source == f"{head}:0"
    assert kernel.array.shape == (6, 7)
    assert translation.scaling["rgb"] == rgb


def test_a_second_classifier_is_unknown():
    tensors = {"fc8:0": np.ones((9, 6)), "fc8-1:0": np.ones((7, 6))}
    translation = translate(tensors, "vgg16")
    (piece,) = translation.pieces.values()
    assert piece.source == "fc8-1:0"
    assert translation.unknown == ("fc8:0",)


def test_the_four_axes_of_old_versions():
    new = vgg(VGG_M, 6)
    old = {
        name: tensor.reshape((1,) * (4 - tensor.ndim) + tensor.shape)
        for name, tensor in new.items()
    }
    expected = translate(new, "vgg_m_2048").pieces
    found = translate(old, "vgg_m_2048").pieces
    assert found.keys() == expected.keys()
    for slot, piece in found.items():
        np.testing.assert_array_equal(piece.array, expected[slot].array)


def test_shapes_of_another_network_are_no_error():
    # CaffeNet has the names of VGG-M.
    tensors = {
        "conv1:0": np.ones((96, 3, 11, 11)),
        "conv2:0": np.ones(3),
        "fc6:0": np.ones((5, 9216)),
    }
    pieces = translate(tensors, "vgg_m_2048").pieces
    shapes = {slot.layer: piece.array.shape for slot, piece in pieces.items()}
    assert shapes == {"conv1": (11, 11, 3, 96), "conv2": (3,), "fc6": (9216, 5)}


@pytest.mark.parametrize("backbone", CAFFE.backbones)
def test_names_of_another_scheme_are_unknown(backbone):
    tensors = {"features.0.weight:0": np.ones((2, 2)), "conv9:7": np.ones(3)}
    translation = translate(tensors, backbone)
    assert translation.pieces == {}
    assert translation.unknown == tuple(tensors)
