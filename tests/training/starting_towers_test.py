"""Towers of recipes, and what they are to start from."""

import re

import keras
import pytest

from keras_vidrec import applications
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import Origin
from keras_vidrec.training import initialization
from keras_vidrec.training import network
from keras_vidrec.training import recipe_network
from keras_vidrec.training.recipes.initialization import Initialization
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.weights.towers import backbones_of

RESNETS = Recipe(
    name="resnets",
    network=Network("TwoStreamConvNet", {"backbone": "resnet50_caffe"}),
    schedule=Schedule(epochs=1),
)


@pytest.fixture
def started(monkeypatch):
    """What networks are to start from; there are no files."""
    calls = []

    def start_from(model, networks, inflation, weights, copy_head):
        assert not copy_head
        calls.append((backbones_of(model), networks, inflation, weights))
        return ()

    monkeypatch.setattr(network, "start_from", start_from)
    return calls


@pytest.mark.parametrize(
    "settings, expected",
    [
        ([], {"rgb": "resnet50_caffe", "flow": "resnet50_caffe"}),
        (
            ["network.arguments.backbone={rgb: resnet50_caffe, flow: vgg16}"],
            {"rgb": "resnet50_caffe", "flow": "vgg16"},
        ),
        (
            [
                "network.application=TSN",
                "initialization.partial_batch_norm=true",
                "initialization.inflation=scaled",
            ],
            {None: "resnet50_caffe"},
        ),
    ],
)
def test_towers_of_imagenet(settings, expected, started):
    recipe = RESNETS.with_settings(
        ["initialization.weights=imagenet", *settings]
    )
    with keras.StatelessScope(initialize_variables=False):
        network.build(recipe, ("a", "b"))
    ((found, networks, inflation, weights),) = started
    assert found == expected
    assert weights == networks == "imagenet"
    assert inflation == recipe.initialization.inflation


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            ["network.arguments.backbone=resnet50"],
            "'resnet50_caffe', which is simi",
        ),
        (
            [
                "network.arguments.backbone={rgb: vgg16, flow: bn_inception}",
            ],
            "'bn_inception'.*import-weights.*docs/weights.md",
        ),
        (
            ["network.application=STFN", "network.arguments={}"],
            "over features has none",
        ),
    ],
)
def test_towers_that_imagenet_has_no_weights_for(settings, message):
    recipe = RESNETS.with_settings(
        ["initialization.weights=imagenet", *settings]
    )
    with pytest.raises(ValueError, match=message):
        network.build(recipe, ("a", "b"))


TINY = {"backbone": "tiny"}
RESNET = {"backbone": "resnet50"}

# What is left of its flow tower might be of ResNet-50.
CUT = {
    "backbone": {"rgb": "resnet50", "flow": "resnet101"},
    "fusion_layer": "relu2",
    "keep_temporal_tower": False,
}


@pytest.fixture(scope="module")
def files():
    """Networks by the paths where they might lie."""
    with keras.StatelessScope(initialize_variables=False):
        networks = {
            "bni": applications.TSN(),
            "tiny": applications.TSN(backbone="tiny"),
            "flow": applications.TSN(backbone="vgg16", modality="flow"),
            "caffe": applications.TSN(backbone="resnet50_caffe"),
            "deep": applications.TSN(backbone="resnet101_caffe"),
            "features": applications.STFN(features=8),
            "both": applications.TwoStreamConvNet(
                backbone={"rgb": "tiny", "flow": "vgg16"}
            ),
            "cut": applications.TwoStreamFusion(**CUT),
        }
    for path, model in networks.items():
        # As files have it.
        predictions_layer(model).origin = Origin("network", path)
    return {**networks, "imagenet": "imagenet"}


@pytest.fixture
def loaded(files, monkeypatch):
    def load(weights, over_features=False, backbones=None):
        if isinstance(weights, dict):
            return {stream: files[path] for stream, path in weights.items()}
        return files[weights]

    monkeypatch.setattr(initialization, "load", load)


def starting(application, arguments, weights):
    return Recipe(
        name="starting",
        network=Network(application, arguments),
        initialization=Initialization(weights=weights),
        schedule=Schedule(epochs=1),
    )


@pytest.mark.parametrize(
    "application, arguments, weights, found",
    [
        # A network of motion from rgb.
        ("TSN", {**TINY, "modality": "flow"}, "bni", {None: "bn_inception"}),
        ("TSN", RESNET, "caffe", {None: "resnet50_caffe"}),
        ("TSN", RESNET, "deep", {None: "resnet101_caffe"}),
        (
            "TwoStreamConvNet",
            TINY,
            {"rgb": "tiny", "flow": "flow"},
            {"rgb": "tiny", "flow": "vgg16"},
        ),
        # The backbone of both must not change for the one.
        (
            "TwoStreamConvNet",
            {"backbone": "vgg16"},
            {"rgb": "bni", "flow": "flow"},
            {"rgb": "bn_inception", "flow": "vgg16"},
        ),
        (
            "TSLSTM",
            TINY,
            {"rgb": "caffe", "flow": "flow"},
            {"rgb": "resnet50_caffe", "flow": "vgg16"},
        ),
        (
            "TwoStreamConvNet",
            TINY,
            "both",
            {"rgb": "tiny", "flow": "vgg16"},
        ),
    ],
)
def test_towers_to_start_from_are_of_the_same_backbone(
    application, arguments, weights, found, loaded, started
):
    """Else what is proposed helps."""
    recipe = starting(application, arguments, weights)
    with pytest.raises(ValueError, match="Expected towers of the") as caught:
        network.build(recipe, ("a", "b"))
    assert not started
    settings = re.findall("or `([^`]+)`", str(caught.value))
    with keras.StatelessScope(initialize_variables=False):
        network.build(recipe.with_settings(settings), ("a", "b"))
    ((towers, *_),) = started
    assert towers == found


@pytest.mark.parametrize(
    "application, arguments, weights, message",
    [
        (
            "TSN",
            TINY,
            "bni",
            "own backbones, tiny for rgb where bn_inception came, or "
            "`network.arguments.backbone=bn_inception`. Received: "
            "initialization.weights='bni'",
        ),
        (
            "STResNet",
            TINY,
            {"rgb": "tiny", "flow": "flow"},
            "own backbones, tiny for flow where vgg16 came, or "
            "`network.arguments.backbone={rgb: tiny, flow: vgg16}`. Received: "
            "initialization.weights={'rgb': 'tiny', 'flow': 'flow'}",
        ),
        (
            "TwoStreamConvNet",
            TINY,
            "features",
            "a network that sees videos, not one over features; `vidrec join`",
        ),
    ],
)
def test_what_is_said_of_other_towers(
    application, arguments, weights, message, loaded
):
    recipe = starting(application, arguments, weights)
    with pytest.raises(ValueError, match=re.escape(message)):
        network.build(recipe, ("a", "b"))


@pytest.mark.parametrize(
    "application, arguments, weights",
    [
        ("TSN", {"backbone": "resnet50_caffe"}, "caffe"),
        (
            "STResNet",
            {"backbone": "resnet50_caffe"},
            {"rgb": "caffe", "flow": "imagenet"},
        ),
        ("TwoStreamFusion", CUT, "cut"),
        # One stream for two: `start_from` tells.
        ("TwoStreamConvNet", TINY, "flow"),
        ("TSN", TINY, "both"),
        ("TwoStreamConvNet", TINY, {"rgb": "both", "flow": "both"}),
        ("TSLSTM", {"features": 8}, "features"),
    ],
)
def test_towers_that_are_let_through(application, arguments, weights, loaded):
    towers = recipe_network.backbones(starting(application, arguments, weights))
    networks = initialization.load(weights)
    initialization.check_backbones(weights, networks, towers)
