import numpy as np
import pytest

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights.published.schemes.mmaction2 import MMACTION2
from keras_vidrec.weights.towers import Slot
from tests.weights.published.schemes.comparison import check_arrays
from tests.weights.published.schemes.comparison import check_counters
from tests.weights.published.schemes.comparison import check_every_weight
from tests.weights.published.schemes.comparison import check_sources
from tests.weights.published.schemes.comparison import checkpoint
from tests.weights.published.schemes.comparison import zeros
from tests.weights.references import published

UNITS = (3, 4, 6, 3)


@pytest.fixture(scope="module")
def tensors():
    return published.mmaction2_resnet(UNITS, channels=10)


@pytest.mark.large_on_jax
def test_residual_networks(tensors):
    config = "model = dict(backbone=dict(type='ResNet', style='pytorch'))"
    translation = MMACTION2.translate(
        checkpoint(tensors, config=config), "resnet50"
    )
    assert translation.scheme == "mmaction2"
    assert translation.unknown == ()
    check_counters(translation, 53)
    check_every_weight(translation, "resnet50", channels=10)
    check_arrays(translation, tensors)
    check_sources(
        translation,
        {
            "conv1/kernel": "backbone.conv1.conv.weight",
            "bn_conv1/gamma": "backbone.conv1.bn.weight",
            "res2a_branch1/kernel": "backbone.layer1.0.downsample.conv.weight",
            "bn2a_branch1/beta": "backbone.layer1.0.downsample.bn.bias",
            "res4f_branch2c/kernel": "backbone.layer3.5.conv3.conv.weight",
            "bn4f_branch2c/moving_mean": (
                "backbone.layer3.5.conv3.bn.running_mean"
            ),
            "logits/bias": "cls_head.fc_cls.bias",
        },
    )
    std = (58.395, 57.12, 57.375)
    assert translation.scaling == {
        "rgb": PixelScaling((123.675, 116.28, 103.53), std),
        "flow": PixelScaling(128.0, 128.0),
        "rgb_diff": PixelScaling(0.0, std),
    }


@pytest.mark.large_on_jax
@pytest.mark.parametrize(
    "config", ["backbone=dict(style='caffe')", 'style = "caffe",']
)
def test_strides_of_caffe(tensors, config):
    """Its towers have biases."""
    translation = MMACTION2.translate(
        checkpoint(tensors, config=config), "resnet50_caffe"
    )
    assert translation.unknown == ()
    check_every_weight(translation, "resnet50_caffe", channels=10)
    assert len(translation.zero_biases) == 53
    assert {slot.variable for slot in translation.zero_biases} == {"bias"}
    other = MMACTION2.translate(checkpoint(tensors, config=config), "resnet50")
    assert other.pieces == {} and other.unknown == tuple(tensors)


@pytest.mark.large_on_jax
def test_names_of_mmaction():
    """Those of torchvision, in a backbone."""
    tensors = {}
    for name, array in published.torchvision_resnet(UNITS).items():
        head = name.startswith("fc.")
        prefix = "cls_head.fc_cls" if head else "backbone."
        tensors[prefix + name.removeprefix("fc")] = array
    translation = MMACTION2.translate(checkpoint(tensors), "resnet50")
    assert translation.unknown == ()
    check_counters(translation, 53)
    check_every_weight(translation, "resnet50")
    check_arrays(translation, tensors)


@pytest.mark.large_on_jax
def test_bn_inception():
    tensors = {}
    for name, array in published.bn_inception(head="fc_cls").items():
        prefix = "cls_head" if name.startswith("fc_cls") else "backbone"
        tensors[f"{prefix}.{name}"] = array
    translation = MMACTION2.translate(checkpoint(tensors), "bn_inception")
    assert translation.unknown == ()
    check_every_weight(translation, "bn_inception")
    check_arrays(translation, tensors)
    assert translation.scaling == {
        "rgb": PixelScaling((104.0, 117.0, 128.0), channel_order="bgr"),
        "flow": PixelScaling(128.0),
        "rgb_diff": PixelScaling(0.0, channel_order="bgr"),
    }


@pytest.mark.parametrize("backbone", MMACTION2.backbones)
def test_names_of_others(backbone):
    tensors = {
        "conv1.weight": zeros(64, 3, 7, 7),
        "bn1.num_batches_tracked": np.int64(1),
        "fc.bias": zeros(7),
    }
    translation = MMACTION2.translate(checkpoint(tensors), backbone)
    assert translation.pieces == translation.ignored == {}
    assert translation.unknown == tuple(tensors)


def test_part_of_the_names():
    """Of a network with more than a tower."""
    tensors = {
        "backbone.conv1.conv.weight": zeros(64, 3, 7, 7),
        "backbone.layer4.0.shift.weight": zeros(1),
    }
    translation = MMACTION2.translate(checkpoint(tensors), "resnet50")
    assert list(translation.pieces) == [Slot(None, "conv1", "kernel")]
    assert translation.unknown == ("backbone.layer4.0.shift.weight",)
