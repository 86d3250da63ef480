import numpy as np
import pytest

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights.published.schemes.torchvision import TIMM
from keras_vidrec.weights.published.schemes.torchvision import TORCHVISION
from keras_vidrec.weights.towers import Slot
from tests.weights.published.schemes.comparison import check_arrays
from tests.weights.published.schemes.comparison import check_counters
from tests.weights.published.schemes.comparison import check_every_weight
from tests.weights.published.schemes.comparison import check_sources
from tests.weights.published.schemes.comparison import checkpoint
from tests.weights.published.schemes.comparison import zeros
from tests.weights.references import published

# Convolutions of VGG-16 in torchvision's `features`, with their filters.
VGG16 = {
    0: ("conv1_1", 64),
    2: ("conv1_2", 64),
    5: ("conv2_1", 128),
    7: ("conv2_2", 128),
    10: ("conv3_1", 256),
    12: ("conv3_2", 256),
    14: ("conv3_3", 256),
    17: ("conv4_1", 512),
    19: ("conv4_2", 512),
    21: ("conv4_3", 512),
    24: ("conv5_1", 512),
    26: ("conv5_2", 512),
    28: ("conv5_3", 512),
}

# Modules of torchvision's Inception-v3, filters, channels, height and width
# of their kernels.
POOL = "branch_pool"
STEM = {
    "Conv2d_1a_3x3": (32, 3, 3, 3),
    "Conv2d_2a_3x3": (32, 32, 3, 3),
    "Conv2d_2b_3x3": (64, 32, 3, 3),
    "Conv2d_3b_1x1": (80, 64, 1, 1),
    "Conv2d_4a_3x3": (192, 80, 3, 3),
}


def inception_a(channels, pool):
    return {
        "branch1x1": (64, channels, 1, 1),
        "branch5x5_1": (48, channels, 1, 1),
        "branch5x5_2": (64, 48, 5, 5),
        "branch3x3dbl_1": (64, channels, 1, 1),
        "branch3x3dbl_2": (96, 64, 3, 3),
        "branch3x3dbl_3": (96, 96, 3, 3),
        POOL: (pool, channels, 1, 1),
    }


def inception_c(width):
    return {
        "branch1x1": (192, 768, 1, 1),
        "branch7x7_1": (width, 768, 1, 1),
        "branch7x7_2": (width, width, 1, 7),
        "branch7x7_3": (192, width, 7, 1),
        "branch7x7dbl_1": (width, 768, 1, 1),
        "branch7x7dbl_2": (width, width, 7, 1),
        "branch7x7dbl_3": (width, width, 1, 7),
        "branch7x7dbl_4": (width, width, 7, 1),
        "branch7x7dbl_5": (192, width, 1, 7),
        POOL: (192, 768, 1, 1),
    }


def inception_e(channels):
    return {
        "branch1x1": (320, channels, 1, 1),
        "branch3x3_1": (384, channels, 1, 1),
        "branch3x3_2a": (384, 384, 1, 3),
        "branch3x3_2b": (384, 384, 3, 1),
        "branch3x3dbl_1": (448, channels, 1, 1),
        "branch3x3dbl_2": (384, 448, 3, 3),
        "branch3x3dbl_3a": (384, 384, 1, 3),
        "branch3x3dbl_3b": (384, 384, 3, 1),
        POOL: (192, channels, 1, 1),
    }


INCEPTION_V3 = {
    "Mixed_5b": inception_a(192, 32),
    "Mixed_5c": inception_a(256, 64),
    "Mixed_5d": inception_a(288, 64),
    "Mixed_6a": {
        "branch3x3": (384, 288, 3, 3),
        "branch3x3dbl_1": (64, 288, 1, 1),
        "branch3x3dbl_2": (96, 64, 3, 3),
        "branch3x3dbl_3": (96, 96, 3, 3),
    },
    "Mixed_6b": inception_c(128),
    "Mixed_6c": inception_c(160),
    "Mixed_6d": inception_c(160),
    "Mixed_6e": inception_c(192),
    "Mixed_7a": {
        "branch3x3_1": (192, 768, 1, 1),
        "branch3x3_2": (320, 192, 3, 3),
        "branch7x7x3_1": (192, 768, 1, 1),
        "branch7x7x3_2": (192, 192, 1, 7),
        "branch7x7x3_3": (192, 192, 7, 1),
        "branch7x7x3_4": (192, 192, 3, 3),
    },
    "Mixed_7b": inception_e(1280),
    "Mixed_7c": inception_e(2048),
}


def inception_v3(author):
    """The state dict of torchvision's, with its auxiliary classifier."""
    kernels = dict(STEM)
    for block, branches in INCEPTION_V3.items():
        for branch, shape in branches.items():
            kernels[f"{block}.{branch}"] = shape
    kernels["AuxLogits.conv0"] = (128, 768, 1, 1)
    kernels["AuxLogits.conv1"] = (768, 128, 5, 5)
    for name, shape in kernels.items():
        author.layer(f"{name}.conv", shape, bias=False)
        author.norm(f"{name}.bn", shape[0])
        author.tensors[f"{name}.bn.weight"] = np.ones(shape[0], "float32")
        author.tensors[f"{name}.bn.num_batches_tracked"] = np.int64(1)
    author.layer("AuxLogits.fc", (1000, 768))
    author.layer("fc", (1000, 2048))
    return author.tensors


@pytest.mark.large_on_jax
@pytest.mark.parametrize(
    "backbone, units, last",
    [
        ("resnet50", (3, 4, 6, 3), ("4f", "layer3.5")),
        pytest.param(
            "resnet101",
            (3, 4, 23, 3),
            ("4b22", "layer3.22"),
            marks=pytest.mark.large,
        ),
        pytest.param(
            "resnet152",
            (3, 8, 36, 3),
            ("4b35", "layer3.35"),
            marks=pytest.mark.large,
        ),
    ],
)
def test_residual_networks(backbone, units, last):
    tensors = published.torchvision_resnet(units)
    translation = TORCHVISION.translate(checkpoint(tensors), backbone)
    assert translation.scheme == "torchvision or timm"
    assert translation.unknown == ()
    check_counters(translation, 1 + 3 * sum(units) + 4)
    check_every_weight(translation, backbone)
    check_arrays(translation, tensors)
    unit, module = last
    check_sources(
        translation,
        {
            "conv1/kernel": "conv1.weight",
            "bn_conv1/gamma": "bn1.weight",
            "bn_conv1/beta": "bn1.bias",
            "bn_conv1/moving_mean": "bn1.running_mean",
            "bn_conv1/moving_variance": "bn1.running_var",
            "res2a_branch1/kernel": "layer1.0.downsample.0.weight",
            "bn5a_branch1/moving_mean": "layer4.0.downsample.1.running_mean",
            "res2b_branch2a/kernel": "layer1.1.conv1.weight",
            f"res{unit}_branch2b/kernel": f"{module}.conv2.weight",
            f"bn{unit}_branch2c/beta": f"{module}.bn3.bias",
            "logits/kernel": "fc.weight",
            "logits/bias": "fc.bias",
        },
    )


def test_another_residual_network_of_timm():
    """ResNet-50-D has three convolutions in its stem, and a pooling before
    the convolution of a shortcut."""
    tensors = {
        "conv1.0.weight": zeros(32, 3, 3, 3),
        "conv1.1.weight": zeros(32),
        "conv1.3.weight": zeros(32, 32, 3, 3),
        "bn1.weight": zeros(64),
        "layer1.0.conv1.weight": zeros(64, 64, 1, 1),
        "layer1.0.downsample.1.weight": zeros(256, 64, 1, 1),
        "layer1.0.downsample.2.weight": zeros(256),
    }
    translation = TORCHVISION.translate(checkpoint(tensors), "resnet50")
    assert translation.unknown == (
        "conv1.0.weight",
        "conv1.1.weight",
        "conv1.3.weight",
        "layer1.0.downsample.2.weight",
    )


def test_pixels():
    translation = TORCHVISION.translate(checkpoint({}), "resnet50")
    std = (58.395, 57.12, 57.375)
    assert translation.scaling == {
        "rgb": PixelScaling((123.675, 116.28, 103.53), std),
        "flow": PixelScaling(128.0, 128.0),
        "rgb_diff": PixelScaling(0.0, std),
    }
    translation = TORCHVISION.translate(checkpoint({}), "inception_v3")
    assert translation.scaling == {
        "rgb": PixelScaling(127.5, 127.5),
        "flow": PixelScaling(127.5, 127.5),
        "rgb_diff": PixelScaling(0.0, 127.5),
    }


def vgg16_tensors():
    tensors, channels = {}, 3
    for index, (_, filters) in VGG16.items():
        tensors[f"features.{index}.weight"] = zeros(filters, channels, 3, 3)
        tensors[f"features.{index}.bias"] = zeros(filters)
        channels = filters
    for index, shape in ((0, (4096, 25088)), (3, (4096, 4096)), (6, (9, 4096))):
        tensors[f"classifier.{index}.weight"] = zeros(*shape)
        tensors[f"classifier.{index}.bias"] = zeros(shape[0])
    return tensors


def test_vgg16():
    translation = TORCHVISION.translate(checkpoint(vgg16_tensors()), "vgg16")
    # Those of timm are others.
    assert translation.scheme == "torchvision"
    assert translation.unknown == ()
    assert translation.ignored == {}
    expected, channels = {}, 3
    for index, (layer, filters) in VGG16.items():
        shape = (3, 3, channels, filters)
        expected[layer] = (f"features.{index}", shape)
        channels = filters
    expected["fc6"] = ("classifier.0", (7, 7, 512, 4096))
    expected["fc7"] = ("classifier.3", (4096, 4096))
    expected["logits"] = ("classifier.6", (4096, 9))
    assert len(translation.pieces) == 2 * len(expected)
    for layer, (module, shape) in expected.items():
        kernel = translation.pieces[Slot(None, layer, "kernel")]
        bias = translation.pieces[Slot(None, layer, "bias")]
        assert (kernel.source, kernel.array.shape) == (
            f"{module}.weight",
            shape,
        )
        assert (bias.source, bias.array.shape) == (f"{module}.bias", shape[-1:])


def test_maps_of_the_first_fully_connected_layer():
    rng = np.random.default_rng(0)
    tensor = rng.standard_normal((2, 512 * 7 * 7), "float32")
    tensors = {"classifier.0.weight": tensor}
    translation = TORCHVISION.translate(checkpoint(tensors), "vgg16")
    array = translation.pieces[Slot(None, "fc6", "kernel")].array
    assert array.shape == (7, 7, 512, 2)
    for y, x, channel, filter_ in rng.integers(0, (7, 7, 512, 2), (200, 4)):
        assert (
            array[y, x, channel, filter_]
            == tensor[filter_, 49 * channel + 7 * y + x]
        )


def test_networks_with_some_of_the_names():
    """AlexNet's; and a video network's, whose kernels have a time axis."""
    tensors = {
        "features.0.weight": zeros(64, 3, 11, 11),
        "features.3.weight": zeros(192, 64, 5, 5),
        "classifier.1.weight": zeros(4096, 9216),
        "classifier.0.weight": zeros(10, 7),
    }
    translation = TORCHVISION.translate(checkpoint(tensors), "vgg16")
    pieces = translation.pieces
    assert pieces[Slot(None, "conv1_1", "kernel")].array.shape == (
        11,
        11,
        3,
        64,
    )
    assert pieces[Slot(None, "fc6", "kernel")].array.shape == (7, 10)
    assert set(translation.unknown) == {
        "features.3.weight",
        "classifier.1.weight",
    }
    tensors = {"conv1.weight": zeros(64, 3, 5, 7, 7)}
    translation = TORCHVISION.translate(checkpoint(tensors), "resnet50")
    (piece,) = translation.pieces.values()
    assert piece.array.shape == (64, 3, 5, 7, 7)


@pytest.fixture(scope="module")
def inception_v3_tensors():
    return inception_v3(published.Author())


@pytest.mark.large_on_jax
def test_inception_v3(inception_v3_tensors):
    tensors = inception_v3_tensors
    translation = TORCHVISION.translate(checkpoint(tensors), "inception_v3")
    assert translation.scheme == "torchvision or timm"
    assert translation.unknown == ()
    check_every_weight(translation, "inception_v3")
    check_arrays(translation, tensors)
    check_sources(
        translation,
        {
            "Conv2d_4a_3x3_conv/kernel": "Conv2d_4a_3x3.conv.weight",
            "Mixed_5b_branch1x1_bn/beta": "Mixed_5b.branch1x1.bn.bias",
            "Mixed_6a_branch3x3_conv/kernel": "Mixed_6a.branch3x3.conv.weight",
            "Mixed_7c_branch3x3dbl_3b_bn/moving_variance": (
                "Mixed_7c.branch3x3dbl_3b.bn.running_var"
            ),
            "logits/kernel": "fc.weight",
        },
    )
    auxiliary = [name for name in tensors if name.startswith("AuxLogits.")]
    reasons = [translation.ignored[name] for name in auxiliary]
    assert reasons == ["auxiliary classifier"] * (2 * 6 + 2)
    scales = [
        name for name, why in translation.ignored.items() if "scales" in why
    ]
    assert len(scales) == 94
    assert all(name.endswith(".bn.weight") for name in scales)
    assert len(translation.ignored) == 94 + 94 + len(auxiliary)


def test_inception_v3_with_scales(inception_v3_tensors):
    name = "Mixed_7b.branch1x1.bn.weight"
    scales = np.ones(320, "float32")
    scales[-1] = 0.5
    tensors = {**inception_v3_tensors, name: scales}
    with pytest.raises(ValueError, match=f"scales of 1 .*1 others.*'{name}'"):
        TORCHVISION.translate(checkpoint(tensors), "inception_v3")


def test_googlenet():
    tensors = {
        "conv1.conv.weight": zeros(64, 3, 7, 7),
        "inception3a.branch1.conv.weight": zeros(64, 192, 1, 1),
        "inception3a.branch1.bn.weight": zeros(64),
    }
    with pytest.raises(ValueError, match=r"without batch normalization, from"):
        TORCHVISION.translate(checkpoint(tensors), "googlenet")
    translation = TORCHVISION.translate(
        checkpoint({"a": zeros(1)}), "googlenet"
    )
    assert translation.pieces == {}
    assert translation.unknown == ("a",)


@pytest.mark.parametrize("backbone", TORCHVISION.backbones)
def test_names_of_others(backbone):
    tensors = {
        "backbone.conv1.conv.weight": zeros(64, 3, 7, 7),
        "backbone.conv1.bn.num_batches_tracked": np.int64(1),
    }
    translation = TORCHVISION.translate(checkpoint(tensors), backbone)
    assert translation.pieces == translation.ignored == {}
    assert translation.unknown == tuple(tensors)


def test_vgg16_of_timm():
    rng = np.random.default_rng(0)
    first = rng.standard_normal((2, 512, 7, 7), "float32")
    tensors = {
        "features.28.weight": zeros(512, 512, 3, 3),
        "features.28.bias": zeros(512),
        "pre_logits.fc1.weight": first,
        "pre_logits.fc1.bias": zeros(2),
        "pre_logits.fc2.weight": zeros(4096, 4096, 1, 1),
        "pre_logits.fc2.bias": zeros(4096),
        "head.fc.weight": zeros(7, 4096),
        "head.fc.bias": zeros(7),
    }
    translation = TIMM.translate(checkpoint(tensors), "vgg16")
    assert (translation.scheme, translation.unknown) == ("timm", ())
    kernels = {
        slot.layer: piece.array
        for slot, piece in translation.pieces.items()
        if slot.variable == "kernel"
    }
    assert {layer: kernel.shape for layer, kernel in kernels.items()} == {
        "conv5_3": (3, 3, 512, 512),
        "fc6": (7, 7, 512, 2),
        "fc7": (1, 1, 4096, 4096),
        "logits": (4096, 7),
    }
    for y, x, channel, filter_ in rng.integers(0, (7, 7, 512, 2), (100, 4)):
        assert (
            kernels["fc6"][y, x, channel, filter_]
            == first[filter_, channel, y, x]
        )
    bias = translation.pieces[Slot(None, "fc7", "bias")]
    assert bias.source == "pre_logits.fc2.bias"


@pytest.mark.parametrize("backbone", ["resnet50", "inception_v3"])
def test_networks_with_the_names_of_torchvision(backbone):
    """They are left to its scheme."""
    assert backbone not in TIMM.backbones
    assert backbone in TORCHVISION.backbones
