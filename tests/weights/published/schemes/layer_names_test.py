import pytest

from keras_vidrec import backbones
from keras_vidrec.backbones import efficientnet_lite
from keras_vidrec.weights.published.schemes.layer_names import (
    bn_inception_convolutions,
)
from keras_vidrec.weights.published.schemes.layer_names import caffe_layers
from keras_vidrec.weights.published.schemes.layer_names import (
    candidate_backbones,
)
from keras_vidrec.weights.published.schemes.layer_names import has_bias
from keras_vidrec.weights.published.schemes.layer_names import (
    inception_v3_convolutions,
)
from keras_vidrec.weights.published.schemes.layer_names import zero_biases
from keras_vidrec.weights.published.schemes.pytorch import bn_inception_modules
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import slots
from tests.applications.joined_streams import without_values


def test_convolutions_of_bn_inception():
    names = ["/".join(pair) for pair in bn_inception_convolutions()]
    assert names[:5] == [
        "conv1/7x7_s2",
        "conv2/3x3_reduce",
        "conv2/3x3",
        "inception_3a/1x1",
        "inception_3a/3x3_reduce",
    ]
    assert [name for name in names if "4e" in name] == [
        "inception_4e/3x3_reduce",
        "inception_4e/3x3",
        "inception_4e/double_3x3_reduce",
        "inception_4e/double_3x3_1",
        "inception_4e/double_3x3_2",
    ]
    assert names[-1] == "inception_5b/pool_proj"
    assert len(set(names)) == len(names) == 69


@pytest.mark.large_on_jax
def test_they_are_those_of_the_tower():
    convolutions, normalizations = bn_inception_modules()
    tower = without_values(backbones.get, name_or_model="bn_inception")
    layers = [layer.name for layer in tower.layers if layer.weights]
    assert len(layers) == len(convolutions) + len(normalizations)
    assert set(layers) == convolutions.keys() | normalizations.keys()
    assert all(a == b for a, b in (convolutions | normalizations).items())


def test_convolutions_of_inception_v3():
    names = inception_v3_convolutions()
    assert names[0] == "Conv2d_1a_3x3"
    assert [name for name in names if name.startswith("Mixed_6a")] == [
        "Mixed_6a.branch3x3",
        "Mixed_6a.branch3x3dbl_1",
        "Mixed_6a.branch3x3dbl_2",
        "Mixed_6a.branch3x3dbl_3",
    ]
    assert [name for name in names if name.startswith("Mixed_7c")] == [
        "Mixed_7c.branch1x1",
        "Mixed_7c.branch3x3_1",
        "Mixed_7c.branch3x3_2a",
        "Mixed_7c.branch3x3_2b",
        "Mixed_7c.branch3x3dbl_1",
        "Mixed_7c.branch3x3dbl_2",
        "Mixed_7c.branch3x3dbl_3a",
        "Mixed_7c.branch3x3dbl_3b",
        "Mixed_7c.branch_pool",
    ]
    assert len(set(names)) == len(names) == 94


@pytest.mark.parametrize("backbone", ["resnet50", "vgg16", "vgg_m_2048"])
def test_towers_have_these_layers(backbone):
    # Without the fully connected layers, which are large.
    tower = without_values(
        backbones.get, name_or_model=backbone, endpoints=["relu5"]
    )
    convolutions, normalizations = caffe_layers(backbone)
    found = {
        variable: {slot.layer for slot in slots(tower) if slot[2] == variable}
        for variable in ("kernel", "gamma")
    }
    assert found["gamma"] == set(normalizations)
    assert set(convolutions) - found["kernel"] <= {"fc6", "fc7"}
    assert found["kernel"] <= set(convolutions)
    assert len(set(convolutions)) == len(convolutions)


@pytest.mark.parametrize(
    "backbone", ["resnet50", "resnet50_msra", "efficientnet_lite0"]
)
def test_towers_have_them(backbone):
    tower = backbones.get(backbone, endpoints=["relu2"])
    want = slots(tower)
    biases = {slot for slot in want if slot.variable == "bias"}
    for slot in want:
        if slot.variable == "kernel":
            bias = slot._replace(variable="bias")
            assert has_bias(slot.layer, backbone) == (bias in biases)
    assert set(zero_biases(set(want) - biases, backbone)) == biases


def test_those_that_there_are_stay():
    conv1, conv2, filter_ = (
        Slot(None, layer, "kernel")
        for layer in ("conv1", "conv2", "res2b_temporal")
    )
    bias = conv1._replace(variable="bias")
    pieces = dict.fromkeys((conv1, bias, conv2, filter_))
    missing = [slot._replace(variable="bias") for slot in (conv2, filter_)]
    assert zero_biases(pieces, "resnet50_msra") == tuple(missing)
    assert zero_biases(pieces, "vgg16") == tuple(missing)
    assert zero_biases(pieces, "resnet50") == tuple(missing[1:])


def test_stages_that_several_backbones_begin_with():
    def layers(backbone, stages):
        return [
            f"res{unit}_branch2c"
            for stage in stages
            for unit in backbones.find(backbone).units[stage]
        ]

    releases = ["resnet101", "resnet101_caffe", "resnet101_msra"]
    first = candidate_backbones(layers("resnet101", (2,)))
    assert len(first) == 9 and set(first) > {*releases}
    for stages in ((2, 3), (2, 3, 4, 5)):
        assert candidate_backbones(layers("resnet101", stages)) == releases
    assert candidate_backbones(layers("resnet50", (2, 3))[:-1]) == []
    assert candidate_backbones(["dense", "dense_1"]) == []


def test_efficientnet_lites_of_the_same_layers():
    def layers(number, last=7):
        name = f"efficientnet_lite{number}"
        return [
            f"{block}_dwconv"
            for block, _ in efficientnet_lite.blocks(name)
            if int(block[5]) <= last
        ]

    lites = [f"efficientnet_lite{number}" for number in range(5)]
    for number in (0, 3, 4):
        assert candidate_backbones(layers(number)) == [lites[number]]
    assert candidate_backbones(layers(2)) == lites[1:3]
    # Of the first stage, and of the first three.
    assert candidate_backbones(layers(4, 1)) == lites
    assert candidate_backbones(layers(1, 3)) == lites[1:4]
    assert candidate_backbones(layers(0)[:-1] + ["block7b_dwconv"]) == []


@pytest.mark.parametrize(
    "backbone",
    [
        "tiny",
        "bn_inception",
        "googlenet",
        "inception_v3",
        "vgg_m_2048",
        pytest.param("vgg16", marks=pytest.mark.large),
    ],
)
def test_backbones_by_the_names_of_their_layers(backbone):
    layers = without_values(backbones.get, name_or_model=backbone).layers
    names = [layer.name for layer in layers if layer.weights]
    assert candidate_backbones(names) == [backbone]
