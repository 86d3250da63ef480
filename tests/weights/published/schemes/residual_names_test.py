import pytest

from keras_vidrec.weights.published.schemes import residual_names


def test_first_units():
    convolutions, normalizations = residual_names.modules("resnet50")
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
    convolutions, normalizations = residual_names.modules(variant)
    assert convolutions[module] == layer
    count = 1 + 3 * units + 4
    assert len(convolutions) == len(normalizations) == count
    assert len(set(convolutions.values())) == count
    assert len(set(normalizations.values())) == count
