import sys

import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published import conversion
from keras_vidrec.weights.verification import verify
from tests.weights.verification import published
from tests.weights.verification.imports import converted
from tests.weights.verification.imports import prefixed
from tests.weights.verification.imports import saved
from tests.weights.verification.imports import saved_as_safetensors
from tests.weights.verification.imports import tsn

pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

RESNET50 = (3, 4, 6, 3)
RESNET101 = (3, 4, 23, 3)


@pytest.mark.large_on_jax
def test_a_resnet_of_torchvision_gives_what_it_gave_there(tmp_path):
    tensors = published.torchvision_resnet(RESNET50)
    checkpoint = saved(tensors, tmp_path / "resnet50.pth")
    model = converted(checkpoint, tsn("resnet50"))
    found = verify(checkpoint, model)
    assert found.features.relative < 1e-4 and found.logits.relative < 1e-4
    assert found.image_shape == (2, 224, 224, 3)
    assert found.tower == "rgb" and "torchvision" in found.network
    assert str(found).count("\n") == 0
    assert f"{found.features.absolute:.1e}" in str(found)


@pytest.mark.large
@pytest.mark.parametrize(
    "backbone, modality, tensors",
    [
        (
            "resnet50",
            "flow",
            lambda: published.mmaction2_resnet(RESNET50, channels=10),
        ),
        (
            "resnet50",
            "rgb_diff",
            lambda: prefixed(
                "base_model.",
                {
                    name.replace("fc.", "new_fc."): array
                    for name, array in published.torchvision_resnet(
                        RESNET50, channels=15
                    ).items()
                },
                "new_fc",
            ),
        ),
        (
            "resnet50",
            "rgb",
            lambda: prefixed(
                "backbone.",
                {
                    name.replace("fc.", "cls_head.fc_cls."): array
                    for name, array in published.torchvision_resnet(
                        RESNET50
                    ).items()
                },
                "cls_head",
            ),
        ),
        (
            "resnet101",
            "rgb",
            lambda: published.torchvision_resnet(RESNET101),
        ),
        ("vgg16", "rgb", published.torchvision_vgg16),
    ],
)
def test_networks_of_pytorch_give_what_they_gave_there(
    backbone, modality, tensors
):
    checkpoint = published.checkpoint(tensors())
    model = converted(checkpoint, tsn(backbone, modality))
    assert verify(checkpoint, model).logits.relative < 1e-4


@pytest.mark.large
@pytest.mark.parametrize(
    "backbone, tensors, scheme",
    [
        (
            "resnet50",
            lambda: published.torchvision_resnet(RESNET50),
            "torchvision or timm",
        ),
        ("vgg16", published.timm_vgg16, "timm"),
    ],
)
def test_a_file_of_timm_gives_what_it_gave_there(
    tmp_path, backbone, tensors, scheme
):
    path = tmp_path / "model.safetensors"
    checkpoint = saved_as_safetensors(tensors(), path)
    path.unlink()
    model = tsn(backbone)
    report = conversion.convert(checkpoint, model)
    assert (report.format, report.scheme) == ("safetensors", scheme)
    found = verify(checkpoint, model)
    assert "timm" in found.network
    assert found.features.relative < 1e-4 and found.logits.relative < 1e-4


@pytest.mark.large_on_jax
def test_one_wrong_weight_is_found():
    checkpoint = published.checkpoint(published.bn_inception())
    tower = backbones.get("bn_inception", input_shape=(64, 64))
    conversion.convert(checkpoint, tower)
    verify(checkpoint, tower)
    layer = tower.get_layer("inception_4c_3x3_bn")
    beta = layer.get_weights()[1]
    layer.beta.assign(beta + 0.1 * (np.arange(len(beta)) == 3))
    with pytest.raises(ValueError, match="Received: a difference of"):
        verify(checkpoint, tower)
    verify(checkpoint, tower, tolerance=1.0)
    layer.beta.assign(np.full_like(beta, np.nan))
    with pytest.raises(ValueError, match="difference of nan"):
        verify(checkpoint, tower)


def test_only_imports_as_they_are_can_be_verified():
    checkpoint = published.checkpoint(published.bn_inception())
    flow = backbones.get("bn_inception", channels=10, name="flow")
    with pytest.raises(ValueError, match="3 channels in .* 'flow' of 10"):
        verify(checkpoint, flow)
    with pytest.raises(ValueError, match="one tower of images"):
        clips = keras.Input((5, 9, 9, 3))
        verify(checkpoint, keras.Model(clips, clips))
    keras.config.set_dtype_policy("mixed_bfloat16")
    with pytest.raises(ValueError, match="tower 'tiny' in .'bfloat16'"):
        verify(checkpoint, backbones.get("tiny"))


def test_pytorch_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"keras-vidrec\[torch\]"):
        verify(published.checkpoint({}), backbones.get("tiny"))
