import numpy as np
import pytest

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights.published.readers import torch_file
from keras_vidrec.weights.published.schemes.tsn_pytorch import TSN_PYTORCH
from keras_vidrec.weights.towers import Slot
from tests.weights.published.schemes.comparison import check_arrays
from tests.weights.published.schemes.comparison import check_counters
from tests.weights.published.schemes.comparison import check_every_weight
from tests.weights.published.schemes.comparison import check_sources
from tests.weights.published.schemes.comparison import checkpoint
from tests.weights.published.schemes.comparison import zeros
from tests.weights.references import published


def in_tower(tensors, head):
    """As tsn-pytorch names them; the head is `fc` in the tensors."""
    renamed = {}
    for name, array in tensors.items():
        place = head if name.startswith("fc.") else f"base_model.{name[:-1]}"
        renamed[place + name[2 if place == head else -1 :]] = array
    return renamed


def test_names_in_a_tower():
    """What the other tests rest on."""
    assert in_tower({"fc.bias": 1, "bn1.weight": 2}, "new_fc") == {
        "new_fc.bias": 1,
        "base_model.bn1.weight": 2,
    }


@pytest.mark.large_on_jax
@pytest.mark.parametrize("head", ["new_fc", "base_model.fc"])
def test_bn_inception(head):
    tensors = in_tower(published.bn_inception(channels=10, norm_rank=2), head)
    assert tensors["base_model.conv2_3x3_bn.weight"].shape == (1, 192)
    translation = TSN_PYTORCH.translate(checkpoint(tensors), "bn_inception")
    assert translation.scheme == "tsn-pytorch"
    assert translation.unknown == ()
    assert translation.ignored == {}
    check_every_weight(translation, "bn_inception", channels=10)
    check_arrays(translation, tensors)
    check_sources(
        translation,
        {
            "conv1_7x7_s2/kernel": "base_model.conv1_7x7_s2.weight",
            "conv1_7x7_s2/bias": "base_model.conv1_7x7_s2.bias",
            "conv1_7x7_s2_bn/gamma": "base_model.conv1_7x7_s2_bn.weight",
            "inception_3c_double_3x3_2/kernel": (
                "base_model.inception_3c_double_3x3_2.weight"
            ),
            "inception_5b_pool_proj_bn/moving_variance": (
                "base_model.inception_5b_pool_proj_bn.running_var"
            ),
            "logits/kernel": f"{head}.weight",
        },
    )


@pytest.mark.large_on_jax
@pytest.mark.parametrize("head", ["fc", "last_linear"])
def test_imagenet_file_of_bn_inception(head):
    tensors = published.bn_inception(classes=1000, head=head, norm_rank=2)
    translation = TSN_PYTORCH.translate(checkpoint(tensors), "bn_inception")
    assert translation.unknown == ()
    check_every_weight(translation, "bn_inception")
    check_arrays(translation, tensors)
    check_sources(translation, {"logits/bias": f"{head}.bias"})


def test_a_file_of_a_training_run(tmp_path):
    torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")
    tensors = in_tower(published.bn_inception(norm_rank=2), "new_fc")
    path = tmp_path / "ucf101_bninception__rgb_checkpoint.pth.tar"
    state = {
        f"module.{name}": torch.from_numpy(array)
        for name, array in tensors.items()
    }
    value = {
        "epoch": 80,
        "arch": "BNInception",
        "state_dict": state,
        "best_prec1": 85.0,
    }
    torch.save(value, path, _use_new_zipfile_serialization=False)
    translation = TSN_PYTORCH.translate(torch_file.read(path), "bn_inception")
    assert translation.unknown == ()
    assert len(translation.pieces) == 69 * 6 + 2
    check_arrays(translation, tensors)


@pytest.mark.large_on_jax
@pytest.mark.parametrize("head", ["new_fc", "base_model.fc"])
def test_residual_networks(head):
    tensors = in_tower(published.torchvision_resnet((3, 4, 6, 3)), head)
    translation = TSN_PYTORCH.translate(checkpoint(tensors), "resnet50")
    assert translation.unknown == ()
    check_counters(translation, 53)
    check_every_weight(translation, "resnet50")
    check_arrays(translation, tensors)
    check_sources(
        translation,
        {
            "res3a_branch2b/kernel": "base_model.layer2.0.conv2.weight",
            "logits/kernel": f"{head}.weight",
        },
    )


def test_pixels():
    """Against what tsn-pytorch does to 8-bit pixels, step by step."""
    pixels = np.array([0.0, 1.0, 128.0, 255.0])
    scaling = TSN_PYTORCH.translate(checkpoint({}), "resnet50").scaling
    assert scaling["rgb"] == PixelScaling(
        (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    )
    flow = scaling["flow"]
    np.testing.assert_allclose(
        (pixels - flow.mean) / flow.std,
        (pixels / 255 - 0.5) / np.mean([0.229, 0.224, 0.225]),
        rtol=1e-6,
    )
    assert scaling["rgb_diff"] == PixelScaling(0.0, 255.0)
    scaling = TSN_PYTORCH.translate(checkpoint({}), "bn_inception").scaling
    assert scaling == {
        "rgb": PixelScaling((104.0, 117.0, 128.0), channel_order="bgr"),
        "flow": PixelScaling(128.0),
        "rgb_diff": PixelScaling(0.0, channel_order="bgr"),
    }


def test_two_classifiers():
    """The one of the whole network counts, the other has no place."""
    tensors = {"base_model.fc.bias": zeros(1000), "new_fc.bias": zeros(101)}
    translation = TSN_PYTORCH.translate(checkpoint(tensors), "bn_inception")
    (piece,) = translation.pieces.values()
    assert piece.source == "new_fc.bias"
    assert translation.unknown == ("base_model.fc.bias",)


@pytest.mark.parametrize("backbone", TSN_PYTORCH.backbones)
def test_names_of_others(backbone):
    tensors = {
        "conv1.weight": zeros(64, 3, 7, 7),
        "bn1.num_batches_tracked": np.int64(1),
        "layer1.0.conv1.weight": zeros(64, 64, 1, 1),
    }
    translation = TSN_PYTORCH.translate(checkpoint(tensors), backbone)
    assert translation.pieces == translation.ignored == {}
    assert translation.unknown == tuple(tensors)


def test_temporal_shift_modules():
    """The convolutions inside them are of another network."""
    name = "base_model.layer1.0.conv1.net.weight"
    tensors = {name: zeros(64, 64, 1, 1), "base_model.conv1.weight": zeros(1)}
    translation = TSN_PYTORCH.translate(checkpoint(tensors), "resnet50")
    assert list(translation.pieces) == [Slot(None, "conv1", "kernel")]
    assert translation.unknown == (name,)
