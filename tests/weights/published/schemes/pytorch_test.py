import numpy as np
import pytest

from keras_vidrec.weights.published.schemes import pytorch


def test_places():
    assert pytorch.places({"a.0": "conv1"}, {"a.1": "bn1"}) == {
        "a.0.weight": ("conv1", "kernel"),
        "a.0.bias": ("conv1", "bias"),
        "a.1.weight": ("bn1", "gamma"),
        "a.1.bias": ("bn1", "beta"),
        "a.1.running_mean": ("bn1", "moving_mean"),
        "a.1.running_var": ("bn1", "moving_variance"),
    }


def test_counters():
    names = ("bn1.num_batches_tracked", "bn1.weight", "num_batches_tracked")
    assert pytorch.counters(names) == {
        "bn1.num_batches_tracked": "counts training steps"
    }


def test_first_units():
    convolutions, normalizations = pytorch.residual_modules("resnet50")
    assert list(convolutions.items())[:8] == [
        ("conv1", "conv1"),
        ("layer1.0.conv1", "res2a_branch2a"),
        ("layer1.0.conv2", "res2a_branch2b"),
        ("layer1.0.conv3", "res2a_branch2c"),
        ("layer1.0.downsample.0", "res2a_branch1"),
        ("layer1.1.conv1", "res2b_branch2a"),
        ("layer1.1.conv2", "res2b_branch2b"),
        ("layer1.1.conv3", "res2b_branch2c"),
    ]
    assert list(normalizations.items())[:5] == [
        ("bn1", "bn_conv1"),
        ("layer1.0.bn1", "bn2a_branch2a"),
        ("layer1.0.bn2", "bn2a_branch2b"),
        ("layer1.0.bn3", "bn2a_branch2c"),
        ("layer1.0.downsample.1", "bn2a_branch1"),
    ]


@pytest.mark.parametrize(
    "variant, units, module, layer",
    [
        ("resnet50", 16, "layer3.5.conv1", "res4f_branch2a"),
        ("resnet101", 33, "layer2.3.conv1", "res3b3_branch2a"),
        ("resnet152", 50, "layer3.35.conv1", "res4b35_branch2a"),
    ],
)
def test_variants(variant, units, module, layer):
    convolutions, normalizations = pytorch.residual_modules(variant)
    assert convolutions[module] == layer
    count = 1 + 3 * units + 4
    assert len(convolutions) == len(normalizations) == count
    assert len(set(convolutions.values())) == count
    assert len(set(normalizations.values())) == count


TABLES = {
    name: getattr(pytorch, name)
    for name in ("TORCH", "SYMMETRIC", "BN_INCEPTION")
}


def scaled(pixels, scaling):
    colors = pixels[..., ::-1] if scaling.channel_order == "bgr" else pixels
    return (colors - np.array(scaling.mean)) / np.array(scaling.std)


@pytest.mark.parametrize("table", TABLES)
def test_differences_are_those_of_scaled_images(table):
    one, two = np.random.default_rng(0).integers(0, 256, (2, 5, 3))
    images = TABLES[table]["rgb"]
    np.testing.assert_allclose(
        scaled(two - one, TABLES[table]["rgb_diff"]),
        scaled(two, images) - scaled(one, images),
    )


def test_images_of_torch():
    """Of 0..1, less ImageNet's mean, by its deviation."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3))
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    found = scaled(pixels, pytorch.TORCH["rgb"])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_code_of_no_motion():
    for table in ("TORCH", "BN_INCEPTION"):
        assert scaled(np.array(128), TABLES[table]["flow"]) == 0
