import numpy as np
import pytest

from keras_vidrec.weights.published.schemes.timm import TIMM
from keras_vidrec.weights.published.schemes.torchvision import TORCHVISION
from keras_vidrec.weights.published.translation import Slot
from tests.weights.schemes.comparison import checkpoint
from tests.weights.schemes.comparison import zeros


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
