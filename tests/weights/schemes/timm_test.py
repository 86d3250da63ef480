import numpy as np
import pytest

from keras_vidrec.weights.schemes.timm import TIMM
from keras_vidrec.weights.schemes.torchvision import TORCHVISION
from keras_vidrec.weights.translation import Slot
from tests.weights.schemes.comparison import check_arrays
from tests.weights.schemes.comparison import checkpoint
from tests.weights.schemes.comparison import zeros
from tests.weights.verification import published


def test_residual_networks():
    tensors = published.torchvision_resnet((3, 4, 6, 3))
    translation = TIMM.translate(checkpoint(tensors), "resnet50")
    assert translation.scheme == "timm"
    assert translation.style == "pytorch"
    assert translation.unknown == ()
    check_arrays(translation, tensors)
    other = TORCHVISION.translate(checkpoint(tensors), "resnet50")
    assert translation.scaling == other.scaling
    assert translation.pieces.keys() == other.pieces.keys()
    for slot, piece in other.pieces.items():
        assert translation.pieces[slot].source == piece.source


def test_another_residual_network():
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
    translation = TIMM.translate(checkpoint(tensors), "resnet50")
    assert translation.unknown == (
        "conv1.0.weight",
        "conv1.1.weight",
        "conv1.3.weight",
        "layer1.0.downsample.2.weight",
    )


def test_vgg16():
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
    assert translation.unknown == ()
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


def test_inception_v3():
    tensors = {
        "Conv2d_1a_3x3.conv.weight": zeros(32, 3, 3, 3),
        "Conv2d_1a_3x3.bn.weight": np.full(32, 0.9, "float32"),
    }
    with pytest.raises(ValueError, match="do not scale"):
        TIMM.translate(checkpoint(tensors), "inception_v3")
    tensors["Conv2d_1a_3x3.bn.weight"] = np.ones(32, "float32")
    translation = TIMM.translate(checkpoint(tensors), "inception_v3")
    assert translation.scheme == "timm"
    assert list(translation.pieces) == [
        Slot(None, "Conv2d_1a_3x3_conv", "kernel")
    ]
    assert translation.ignored == {"Conv2d_1a_3x3.bn.weight": "scales by 1"}
