import re

import keras
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones.resnet import unit_names
from keras_vidrec.weights.architecture import backbones_of
from keras_vidrec.weights.architecture import candidate_backbones

TOWERS = (
    ("tiny", None),
    ("bn_inception", None),
    ("googlenet", None),
    ("inception_v3", None),
    ("vgg_m_2048", None),
    ("resnet50", "pytorch"),
    ("resnet50", "caffe"),
    ("resnet50", "msra"),
    pytest.param("resnet101", "caffe", marks=pytest.mark.large),
    pytest.param("resnet152", "pytorch", marks=pytest.mark.large),
    pytest.param("vgg16", None, marks=pytest.mark.large),
)


@pytest.mark.parametrize("name, style", TOWERS)
def test_towers(name, style):
    tower = backbones.get(name, style=style, name="rgb")
    assert backbones_of(tower) == {None: (name, style)}


def test_networks_of_one_stream():
    network = TSN(modality="rgb_diff", backbone="tiny", classes=3)
    assert backbones_of(network) == {None: ("tiny", None)}
    over_time = STFN(streams=("flow",), flow_backbone="tiny", classes=3)
    assert backbones_of(over_time) == {None: ("tiny", None)}


def test_two_streams():
    network = TwoStreamConvNet(
        backbone="bn_inception", temporal_backbone="tiny", classes=3
    )
    assert backbones_of(network) == {
        "rgb": ("bn_inception", None),
        "flow": ("tiny", None),
    }
    inlined = SpatiotemporalMultiplier(backbone="tiny", classes=3)
    assert backbones_of(inlined) == {
        "rgb": ("tiny", None),
        "flow": ("tiny", None),
    }


def test_a_tower_that_ends_at_a_fusion_is_of_the_other_ones_backbone():
    network = TwoStreamFusion(
        backbone="tiny",
        fusion_layer="relu3",
        keep_temporal_tower=False,
        classes=3,
    )
    assert backbones_of(network)["flow"] == ("tiny", None)


def test_stages_that_several_backbones_begin_with():
    def layers(backbone, stages):
        return [
            f"res{unit}_branch2c"
            for stage in stages
            for unit in unit_names(backbone)[stage]
        ]

    assert candidate_backbones(layers("resnet101", (2,))) == [
        "resnet50",
        "resnet101",
        "resnet152",
    ]
    assert candidate_backbones(layers("resnet101", (2, 3))) == ["resnet101"]
    assert candidate_backbones(layers("resnet101", (2, 3, 4, 5))) == [
        "resnet101"
    ]
    assert candidate_backbones(layers("resnet50", (2, 3))[:-1]) == []
    assert candidate_backbones(["dense", "dense_1"]) == []


def test_networks_without_towers_are_refused():
    message = "Expected a network with towers of ('tiny', "
    over_features = STFN(classes=3)
    with pytest.raises(ValueError, match=re.escape(message)):
        backbones_of(over_features)
    own = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, name="first")]
    )
    with pytest.raises(ValueError, match=r"other names: \['first', 'logits'\]"):
        backbones_of(TSN(backbone=own, classes=3))
