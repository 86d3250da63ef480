import re

import numpy as np
import pytest

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights.published.recognition import recognize
from keras_vidrec.weights.published.schemes.efficientnet_lite import (
    EFFICIENTNET_LITE,
)
from keras_vidrec.weights.published.schemes.efficientnet_lite import TIMM_LITE
from tests.weights.published.schemes.comparison import check_counters
from tests.weights.published.schemes.comparison import check_every_weight
from tests.weights.published.schemes.comparison import check_sources
from tests.weights.published.schemes.comparison import checkpoint
from tests.weights.references import published

LITE0 = "efficientnet_lite0"
SCHEMES = {
    "efficientnet-lite-pytorch": (
        EFFICIENTNET_LITE,
        published.efficientnet_lite,
    ),
    "timm": (TIMM_LITE, published.timm_efficientnet_lite),
}


@pytest.fixture(scope="module")
def files():
    return {name: write() for name, (_, write) in SCHEMES.items()}


@pytest.mark.large_on_jax
@pytest.mark.parametrize("name", SCHEMES)
def test_every_weight_of_lite0(files, name):
    tensors = files[name]
    translation = recognize(checkpoint(tensors), {None: LITE0})
    assert translation.scheme == name and translation.unknown == ()
    check_counters(translation, 49)
    check_every_weight(translation, LITE0)
    for slot, piece in translation.pieces.items():
        tensor = tensors[piece.source]
        if slot.layer.endswith("_dwconv"):
            tensor = np.einsum("cohw->hwco", tensor)
        elif slot.variable == "kernel":
            axes = "oihw->hwio" if tensor.ndim == 4 else "oi->io"
            tensor = np.einsum(axes, tensor)
        np.testing.assert_array_equal(piece.array, tensor)


def test_where_the_tensors_go(files):
    package, timm = (
        scheme.translate(checkpoint(files[name]), LITE0)
        for name, (scheme, _) in SCHEMES.items()
    )
    check_sources(
        package,
        {
            "stem_conv/kernel": "_conv_stem.weight",
            "stem_bn/moving_mean": "_bn0.running_mean",
            "block1a_dwconv/kernel": "_blocks.0._depthwise_conv.weight",
            "block1a_bn/gamma": "_blocks.0._bn1.weight",
            "block1a_project_bn/beta": "_blocks.0._bn2.bias",
            "block2a_expand_conv/kernel": "_blocks.1._expand_conv.weight",
            "block2a_expand_bn/gamma": "_blocks.1._bn0.weight",
            "block5c_dwconv/kernel": "_blocks.10._depthwise_conv.weight",
            "block7a_project_conv/kernel": "_blocks.15._project_conv.weight",
            "top_conv/kernel": "_conv_head.weight",
            "top_bn/beta": "_bn1.bias",
            "logits/kernel": "_fc.weight",
        },
    )
    check_sources(
        timm,
        {
            "stem_bn/gamma": "bn1.weight",
            "block1a_dwconv/kernel": "blocks.0.0.conv_dw.weight",
            "block1a_bn/gamma": "blocks.0.0.bn1.weight",
            "block1a_project_conv/kernel": "blocks.0.0.conv_pw.weight",
            "block1a_project_bn/gamma": "blocks.0.0.bn2.weight",
            "block2b_expand_conv/kernel": "blocks.1.1.conv_pw.weight",
            "block2b_bn/moving_variance": "blocks.1.1.bn2.running_var",
            "block6d_project_conv/kernel": "blocks.5.3.conv_pwl.weight",
            "block6d_project_bn/beta": "blocks.5.3.bn3.bias",
            "top_bn/gamma": "bn2.weight",
            "logits/bias": "classifier.bias",
        },
    )


def test_pixels_are_google_s(files):
    for name, (scheme, _) in SCHEMES.items():
        assert scheme.translate(checkpoint(files[name]), LITE0).scaling == {
            "rgb": PixelScaling(127.0, 128.0),
            "flow": PixelScaling(128.0, 128.0),
            "rgb_diff": PixelScaling(0.0, 128.0),
        }


@pytest.mark.parametrize("name", SCHEMES)
def test_a_file_is_of_one_of_the_five(name):
    """Two of them differ in widths alone. Every one is known by its own name
    and refused by the names of the others."""
    scheme, write = SCHEMES[name]
    for variant in range(5):
        given = checkpoint(write(variant))
        found = [
            number
            for number in range(5)
            if scheme.translate(given, f"efficientnet_lite{number}").pieces
        ]
        assert found == [variant]
    message = (
        "Expected weights of efficientnet_lite2. Received: w.pth, with weights "
        "of efficientnet_lite1: build the model with "
        "backbone='efficientnet_lite1'"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        recognize(checkpoint(write(1)), {None: "efficientnet_lite2"})


def test_a_part_of_a_file(files):
    """Whose it is cannot be told: matching says what is missing."""
    part = {
        name: array
        for name, array in files["timm"].items()
        if name.startswith(("conv_stem", "bn1", "blocks.0", "blocks.1"))
    }
    translation = TIMM_LITE.translate(checkpoint(part), LITE0)
    assert len(translation.pieces) == 5 * (1 + 2 + 3 + 3)
    assert translation.unknown == ()


@pytest.mark.parametrize(
    "path",
    [
        "efficientnet_lite0_ra-37913777.pth",
        "models--timm--efficientnet_lite0.ra_in1k/snapshots/1/model.safetensors",
    ],
)
def test_timm_s_own_training_is_another_network(files, path):
    given = published.Checkpoint(path, "pytorch", files["timm"], {})
    with pytest.raises(ValueError, match="tf_efficientnet_lite0.*pads both"):
        recognize(given, {None: LITE0})
    google = f"tf_{path.rpartition('--')[2]}".replace("ra_", "").replace(
        "_ra-37913777", "-0aa007d2"
    )
    given = published.Checkpoint(google, "pytorch", files["timm"], {})
    assert recognize(given, {None: LITE0}).scheme == "timm"


@pytest.mark.parametrize("name", SCHEMES)
def test_names_of_others(name):
    scheme, _ = SCHEMES[name]
    tensors = published.torchvision_resnet((1, 1, 1, 1))
    translation = scheme.translate(checkpoint(tensors), LITE0)
    assert translation.pieces == translation.ignored == {}
    assert translation.unknown == tuple(tensors)
