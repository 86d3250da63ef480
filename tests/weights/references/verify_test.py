import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.weights.published import conversion
from tests.applications.joined_streams import without_values
from tests.weights.references import published
from tests.weights.references.imports import converted
from tests.weights.references.imports import prefixed
from tests.weights.references.imports import saved
from tests.weights.references.imports import saved_as_safetensors
from tests.weights.references.imports import torch
from tests.weights.references.imports import tsn
from tests.weights.references.verify import difference
from tests.weights.references.verify import random_images
from tests.weights.references.verify import verify

RESNET50 = (3, 4, 6, 3)
RESNET101 = (3, 4, 23, 3)


@pytest.mark.large_on_jax
def test_a_resnet_of_torchvision_gives_what_it_gave_there(tmp_path):
    tensors = published.torchvision_resnet(RESNET50)
    checkpoint = saved(tensors, tmp_path / "resnet50.pth")
    model = converted(checkpoint, tsn("resnet50"))
    found = verify(checkpoint, model)
    assert found.features < 1e-4 and found.logits < 1e-4
    assert found.image_shape == (2, 224, 224, 3)
    assert "torchvision" in found.network


@pytest.fixture(scope="module")
def lite():
    """Of a size whose padding is even in one direction and odd in the
    other."""
    return backbones.get("efficientnet_lite0", input_shape=(64, 49))


@pytest.mark.large_on_jax
@pytest.mark.parametrize("author", ["timm", "efficientnet-lite-pytorch"])
def test_efficientnet_lite_gives_what_it_gave_there(tmp_path, lite, author):
    if author == "timm":
        path = tmp_path / "model.safetensors"
        checkpoint = saved_as_safetensors(
            published.timm_efficientnet_lite(), path
        )
    else:
        checkpoint = saved(published.efficientnet_lite(), tmp_path / "w.pth")
    conversion.convert(checkpoint, lite, backbone="efficientnet_lite0")
    found = verify(checkpoint, lite)
    assert author in found.network
    assert found.features < 1e-4 and found.image_shape == (2, 64, 49, 3)


@pytest.fixture
def double():
    """Arithmetic of 64 bits: random weights of many layers let what 32 bits
    round grow to a thousandth."""
    policy, floats = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx(floats)


@pytest.mark.large
@pytest.mark.parametrize(
    "variant, modality, channels",
    [(1, "rgb", 3), (2, "rgb", 3), (3, "rgb", 3), (4, "flow", 10)],
)
def test_the_other_efficientnet_lites_do_too(
    variant, modality, channels, double
):
    tensors = published.efficientnet_lite(variant, channels=channels)
    checkpoint = published.checkpoint(tensors)
    model = converted(checkpoint, tsn(f"efficientnet_lite{variant}", modality))
    found = verify(checkpoint, model)
    # Class scores have 32 bits in any network.
    assert found.features < 1e-9 and found.logits < 1e-5


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
    assert verify(checkpoint, model).logits < 1e-4


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
    assert found.features < 1e-4 and found.logits < 1e-4


@pytest.mark.large_on_jax
def test_one_wrong_weight_is_found():
    checkpoint = published.checkpoint(published.bn_inception())
    tower = backbones.get("bn_inception", input_shape=(64, 64))
    conversion.convert(checkpoint, tower, backbone="bn_inception")
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


def test_nothing_is_proved_by_zeros_or_by_what_is_no_number():
    zeros = np.zeros((2, 3), "float32")
    found = np.array([[1.0, -4.5], [2.0, 0.5]], "float32")
    expected = torch.tensor([[1.25, -5.0], [2.0, 0.5]])
    np.testing.assert_allclose(difference(found, expected), 0.1)
    assert difference(zeros, torch.zeros(2, 3)) == np.inf
    assert np.isnan(difference(zeros + np.nan, torch.ones(2, 3)))
    with pytest.raises(AssertionError):
        difference(zeros, torch.ones(3, 2))


def test_both_see_what_the_model_makes_of_pixels():
    model = without_values(TSN, backbone="tiny", classes=3)
    ours, theirs = random_images(model, model.get_layer("rgb"), None, 0)
    assert ours is theirs and ours.shape == (2, 224, 224, 3)
    pixels = ours * 127.5 + 127.5
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-4)
    assert (pixels.round().min(), pixels.round().max()) == (0, 255)


@pytest.mark.parametrize("order, divisor", [("rgb", 255), ("bgr", 1)])
def test_differences_are_the_author_s_in_one_of_them(order, divisor):
    """Of five pairs of frames, of all colors."""
    model = without_values(TSN, modality="rgb_diff", backbone="tiny", classes=3)
    tower = model.get_layer("rgb_diff")
    ours, theirs = random_images(model, tower, (order, divisor), 0)
    assert ours.shape == theirs.shape == (2, 224, 224, 15)
    np.testing.assert_array_equal(ours, ours.round())
    assert ours.min() < -200 and ours.max() > 200
    for frame in range(5):
        for color in range(3):
            place = 2 - color if order == "bgr" else color
            np.testing.assert_allclose(
                theirs[..., 3 * frame + place],
                ours[..., 3 * frame + color] / divisor,
                rtol=1e-6,
            )


def test_a_tower_has_its_size():
    tower = without_values(
        backbones.get, name_or_model="tiny", channels=10, input_shape=(40, 48)
    )
    ours, theirs = random_images(tower, tower, None, 0)
    assert ours is theirs and ours.shape == (2, 40, 48, 10)
    again, _ = random_images(tower, tower, None, 0)
    other, _ = random_images(tower, tower, None, 1)
    np.testing.assert_array_equal(ours, again)
    assert (ours != other).any()


@pytest.mark.large
def test_googlenet_of_caffe_gives_what_it_gave_there():
    checkpoint = published.checkpoint(published.googlenet(), "caffe")
    model = converted(checkpoint, tsn("googlenet"))
    assert verify(checkpoint, model).logits < 1e-4


@pytest.mark.large
def test_vgg16_of_caffe_gives_what_it_gave_there():
    checkpoint = published.checkpoint(published.caffe_vgg16(), "caffe")
    model = converted(checkpoint, tsn("vgg16"))
    assert verify(checkpoint, model).logits < 1e-4


@pytest.mark.large
@pytest.mark.parametrize("modality, channels", [("rgb", 3), ("flow", 10)])
def test_vgg_m_of_matconvnet_gives_what_it_gave_there(modality, channels):
    tensors = published.vgg_m_2048(channels)
    checkpoint = published.checkpoint(tensors, "matconvnet")
    model = converted(checkpoint, tsn("vgg_m_2048", modality))
    assert verify(checkpoint, model).logits < 1e-4
