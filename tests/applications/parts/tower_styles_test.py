"""The choice of style, in all networks that have backbones."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import STResNet
from keras_vidrec.applications import TemporalInception
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.parts import arguments as builder_arguments
from keras_vidrec.applications.parts.tower_styles import tower_styles
from keras_vidrec.layers.pixel_normalization import PixelNormalization
from keras_vidrec.weights.architecture import backbones_of
from tests.applications.joined_streams import without_values

RESNET = {"backbone": "resnet50"}
TWO = {**RESNET, "snippet_length": 2}
# One stream of a ResNet, and one of a backbone without styles.
MIXED = {"rgb_backbone": "resnet50", "flow_backbone": "tiny"}
# By name: the builder, its arguments, and how many of its towers are ResNets.
NETWORKS = {
    "rgb": (TSN, RESNET, 1),
    "warped_flow": (TSN, {**RESNET, "modality": "warped_flow"}, 1),
    "rgb_diff": (TSN, {**RESNET, "modality": "rgb_diff"}, 1),
    "convnet": (TwoStreamConvNet, {**TWO, "temporal_backbone": "tiny"}, 1),
    "fusion": (TwoStreamFusion, TWO, 2),
    "multiplier": (SpatiotemporalMultiplier, TWO, 2),
    "st_resnet": (STResNet, TWO, 2),
    "stfn": (STFN, {**MIXED, "variant": "c"}, 1),
    "ts_lstm": (TSLSTM, MIXED, 1),
    "temporal_inception": (TemporalInception, MIXED, 1),
}

# By style and whether it is an image of colors: what becomes of raw pixels.
BIASED = ("caffe", "msra")
SCALED = {
    ("pytorch", True): lambda x: (
        (x - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    ),
    ("caffe", True): lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
    ("pytorch", False): lambda x: (x - 128) / 128,
    ("caffe", False): lambda x: x - 128.0,
    ("tiny", False): lambda x: x / 127.5 - 1,
}


def all_layers(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer


@pytest.mark.parametrize("style", ["caffe", "msra", "pytorch", None])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_style_of_towers_and_pixels(name, style):
    """It is PyTorch's by default, with strides on 3x3 convolutions, whatever
    the other stream is."""
    builder, arguments, count = NETWORKS[name]
    model = without_values(builder, **arguments, style=style)
    style = style or "pytorch"
    layers = [*all_layers(model)]
    for branch, strides in zip(
        "ab", (((2, 2), (1, 1)) if style in BIASED else ((1, 1), (2, 2)))
    ):
        found = [x for x in layers if x.name.endswith(f"res3a_branch2{branch}")]
        found = [x for x in found if len(x.weights[0].shape) == 4]
        resnets = [x for x in found if x.filters == 128]
        assert len(resnets) == count
        for layer in resnets:
            assert layer.strides == strides
            assert layer.use_bias == (style in BIASED)
    pixels = [x for x in layers if isinstance(x, PixelNormalization)]
    assert len(pixels) == (0 if name == "rgb_diff" else len(model.inputs))
    rng = np.random.default_rng(0)
    for layer in pixels:
        channels = layer.input.shape[-1]
        raw = rng.integers(0, 256, (2, 3, 4, 5, channels)).astype("uint8")
        other = channels != 3 and count < len(model.inputs)
        like = "caffe" if style == "msra" else style
        scaled = SCALED["tiny" if other else like, channels == 3]
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(raw)),
            scaled(raw.astype("float64")),
            rtol=1e-5,
            atol=1e-4,
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_imagenets_weights_go_into_every_network(name, monkeypatch):
    """Once, when all layers are there."""
    started = []
    monkeypatch.setattr(builder_arguments, "imagenet", started.append)
    builder, arguments, _ = NETWORKS[name]
    others = {x for x in arguments if x in ("temporal_backbone", *MIXED)}
    arguments = {**arguments, **dict.fromkeys(others, "resnet50")}
    model = without_values(builder, **arguments, weights="imagenet")
    assert started == [model]
    assert {style for _, style in backbones_of(model).values()} == {"caffe"}


@pytest.mark.parametrize(
    "builder, arguments, message",
    [
        (TSN, {}, "backbone 'bn_inception'"),
        (TSN, {**RESNET, "style": "pytorch"}, "style='pytorch'"),
        (TwoStreamConvNet, {}, "backbone 'vgg_m_2048'"),
        (TwoStreamFusion, {"temporal_backbone": "tiny"}, "backbone 'tiny'"),
        (STResNet, {"backbone": "tiny"}, "backbone 'tiny'"),
        (STFN, {}, "over features has none"),
        (TSLSTM, {"rgb_backbone": "googlenet"}, "backbone 'googlenet'"),
        (TemporalInception, {}, "over features has none"),
    ],
)
def test_before_there_are_weights(builder, arguments, message, monkeypatch):
    def never(self, *args, **kwargs):
        raise AssertionError("a weight")

    monkeypatch.setattr(keras.layers.Layer, "add_weight", never)
    with pytest.raises(ValueError, match=message):
        builder(**arguments, weights="imagenet")


@pytest.mark.parametrize(
    "towers, style, expected",
    [
        ({"rgb": "resnet50"}, None, {"rgb": None}),
        ({"rgb": "vgg16", "flow": "tiny"}, None, {"rgb": None, "flow": None}),
        ({"flow": "resnet152"}, "caffe", {"flow": "caffe"}),
        (
            {"rgb": "resnet101", "flow": "bn_inception"},
            "pytorch",
            {"rgb": "pytorch", "flow": None},
        ),
        ({}, None, {}),
    ],
)
def test_styles_of_those_that_have_them(towers, style, expected):
    assert tower_styles(towers, style) == expected
    assert tower_styles(towers, style, "some.weights.h5") == expected


@pytest.mark.parametrize(
    "towers, style, expected",
    [
        (
            {"rgb": "resnet50", "flow": "resnet101"},
            None,
            {"rgb": "caffe", "flow": "caffe"},
        ),
        ({"rgb": "resnet152"}, "caffe", {"rgb": "caffe"}),
        (
            {"rgb": "vgg16", "flow": "inception_v3"},
            None,
            {"rgb": None, "flow": None},
        ),
        (
            {"rgb": "vgg16", "flow": "resnet50"},
            None,
            {"rgb": None, "flow": "caffe"},
        ),
    ],
)
def test_imagenet_is_of_caffes_style(towers, style, expected):
    assert tower_styles(towers, style, "imagenet") == expected
    by_stream = dict.fromkeys(towers, "imagenet")
    assert tower_styles(towers, style, by_stream) == expected


def test_a_stream_of_imagenet_beside_another():
    """Whose tower is none that there are such weights for."""
    weights = {"rgb": "imagenet", "flow": "run"}
    towers = {"rgb": "vgg16", "flow": "resnet50"}
    assert tower_styles(towers, "pytorch", weights)["flow"] == "pytorch"
    assert tower_styles(towers, None, weights)["flow"] is None
    towers = {"rgb": "resnet50", "flow": "bn_inception"}
    assert tower_styles(towers, None, weights)["rgb"] == "caffe"
    with pytest.raises(ValueError, match="style='pytorch'"):
        tower_styles(towers, "pytorch", weights)
    with pytest.raises(ValueError, match="backbone 'bn_inception'"):
        tower_styles(towers, None, {"rgb": "run", "flow": "imagenet"})


def own_model():
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Conv2D(4, 3)(images))


NOT_THERE = "ImageNet weights for {}.*'vgg16'.*import-weights.*'imagenet'"


@pytest.mark.parametrize(
    "towers, style, weights, message",
    [
        ({"rgb": "tiny"}, "caffe", None, "backbone 'tiny'.*style='caffe'"),
        (
            {"rgb": "vgg16", "flow": "bn_inception"},
            "pytorch",
            None,
            "backbone 'vgg16' and backbone 'bn_inception'",
        ),
        ({}, "caffe", None, "a network over features"),
        ({"rgb": "resnet50"}, "torch", None, "style='torch'"),
        ({"rgb": "resnet18"}, None, None, "Received: 'resnet18'"),
        ({"rgb": "resnet18"}, None, "imagenet", "Received: 'resnet18'"),
        ({}, None, "imagenet", "over features has none.*'imagenet'"),
        *(
            (
                {"rgb": name},
                None,
                "imagenet",
                NOT_THERE.format(f"backbone {name!r}"),
            )
            for name in ("bn_inception", "vgg_m_2048", "googlenet")
        ),
        (
            {"rgb": "resnet50", "flow": "tiny"},
            "caffe",
            "imagenet",
            NOT_THERE.format("backbone 'tiny'"),
        ),
        (
            {"rgb": "resnet50", "flow": "vgg16"},
            "pytorch",
            "imagenet",
            "Expected style=None or 'caffe'.*import-weights.*style='pytorch'",
        ),
        ({"rgb": "vgg16"}, "caffe", "imagenet", "no choice of `style`"),
    ],
)
def test_refused(towers, style, weights, message):
    with pytest.raises(ValueError, match=message):
        tower_styles(towers, style, weights)


def test_a_users_own_model_has_neither():
    tower = {"rgb": own_model()}
    assert tower_styles(tower, None) == {"rgb": None}
    with pytest.raises(ValueError, match="a keras.Model. Expected None"):
        tower_styles(tower, "caffe")
    with pytest.raises(ValueError, match="for a keras.Model.*'imagenet'"):
        tower_styles(tower, None, "imagenet")
