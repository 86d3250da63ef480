import json

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import STResNet
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications.parts import table
from keras_vidrec.specs import Blueprint
from tests.applications.joined_streams import without_values

TINY = {"backbone": "tiny", "classes": 2}


def own_model():
    images = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(4, 3)(images)
    return keras.Model(images, maps, name="mine")


def blueprint(model):
    return keras_vidrec.describe(model).blueprint


@pytest.mark.parametrize("application", table.BUILDERS)
def test_defaults_are_recorded_as_backbones(application):
    found = blueprint(without_values(table.BUILDERS[application], classes=3))
    assert found.application == application
    assert found.arguments == {"classes": 3}
    assert found.backbones == table.backbones(application, {})


def test_arguments_are_recorded_as_given(tmp_path):
    """By position too, and as JSON has them; they outlive a `.keras` file."""
    model = TSN(
        True, None, None, (3, 32, 32, 3), classes=2, backbone=own_model()
    )
    expected = Blueprint(
        "TSN",
        {
            "include_top": True,
            "input_shape": [3, 32, 32, 3],
            "classes": 2,
            "backbone": {"keras_model": "mine"},
        },
        {"rgb": None},
    )
    assert blueprint(model) == expected
    assert json.loads(json.dumps(expected.to_dict())) == expected.to_dict()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert blueprint(loaded) == expected


def test_the_outermost_builder_is_recorded():
    found = blueprint(without_values(STResNet, **TINY))
    assert found.application == "STResNet"
    assert found.arguments == TINY
    streams = {"rgb": "tiny", "flow": "tiny"}
    pair = {
        "rgb": TSN(**TINY),
        "flow": TSN(modality="flow", snippet_length=10, **TINY),
    }
    model = TwoStreamConvNet(**TINY, from_streams=tuple(pair.values()))
    assert blueprint(model) == Blueprint("TwoStreamConvNet", TINY, streams)
    fused = LateFusion(pair, {"rgb": 1, "flow": 2})
    weights = {"fusion_weights": {"rgb": 1, "flow": 2}}
    assert blueprint(fused) == Blueprint("LateFusion", weights, streams)


def test_weights_are_no_part_of_it(tmp_path):
    first = TSN(**TINY)
    first.save_weights(tmp_path / "w.weights.h5")
    second = TSN(**TINY, weights=str(tmp_path / "w.weights.h5"))
    assert blueprint(first) == blueprint(second)
    for one, two in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(one, two)
    bare = without_values(TSN, include_top=False, backbone="tiny")
    with pytest.raises(ValueError, match="class scores"):
        keras_vidrec.describe(bare)


@pytest.mark.parametrize(
    "application, arguments, streams, backbones",
    [
        ("TSN", {}, ("rgb",), {"rgb": "bn_inception"}),
        ("TSN", {"modality": "flow"}, ("flow",), {"flow": "bn_inception"}),
        (
            "STResNet",
            {"backbone": {"flow": "tiny", "rgb": "resnet50_msra"}},
            ("rgb", "flow"),
            {"rgb": "resnet50_msra", "flow": "tiny"},
        ),
        ("STFN", {}, ("rgb", "flow"), {}),
        (
            "TSLSTM",
            {"streams": ["flow"], "backbone": "vgg16"},
            ("flow",),
            {"flow": "vgg16"},
        ),
    ],
)
def test_what_arguments_say(application, arguments, streams, backbones):
    assert table.streams(application, arguments) == streams
    assert table.backbones(application, arguments) == backbones
    assert table.sees_features(application, arguments) == (not backbones)


def test_what_is_unknown():
    table.check_arguments("TSN", {"classes": None, "dropout": "any"})
    with pytest.raises(ValueError, match="Invalid `style`.*argument of TSN"):
        table.check_arguments("TSN", {"style": "caffe"})
    with pytest.raises(ValueError, match="'TSN'.*Received: application='TSM'"):
        table.streams("TSM", {})
    with pytest.raises(ValueError, match="Received: modality='depth'"):
        table.streams("TSN", {"modality": "depth"})
    for backbone in (None, "resnet18", {"flow": "tiny"}):
        with pytest.raises(ValueError, match="Invalid `backbone`"):
            table.backbones("TSN", {"backbone": backbone})
    with pytest.raises(ValueError, match="Expected 'bn_inception', or another"):
        table.backbones("TSN", {"backbone": "BNInception"})
    mixed = {"rgb": "tiny", "flow": None}
    assert table.backbones("STFN", {"backbone": mixed}) == {"rgb": "tiny"}
    with pytest.raises(ValueError, match="a backbone for each of"):
        table.sees_features("STFN", {"backbone": mixed})


def test_arguments_that_python_refuses():
    with pytest.raises(TypeError, match="'style'"):
        TSN(style="caffe")
    with pytest.raises(TypeError, match="multiple values.*'classes'"):
        TSN(True, None, None, None, None, 101, classes=101)
    with pytest.raises(TypeError, match="positional"):
        TSN(*range(9))
