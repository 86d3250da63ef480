"""Multiply-adds against figures that are known, and worked out by hand."""

import keras
import numpy as np
import pytest

from keras_vidrec import layers
from keras_vidrec.applications import TSN
from keras_vidrec.reporting.measuring import multiply_adds


# torchvision's documentation tells 4.09, 15.47 and 5.71 G of these networks.
@pytest.mark.parametrize(
    "backbone, size, known",
    [
        ("resnet50", 224, 4_089_184_256),
        ("vgg16", 224, 15_470_264_320),
        ("inception_v3", 299, 5_713_216_096),
    ],
)
def test_known_figures(backbone, size, known):
    shape = (1, size, size, 3)
    # Shapes are all that is counted: there are no values.
    with keras.StatelessScope(initialize_variables=False):
        model = TSN(backbone=backbone, classes=1000, input_shape=shape)
        found = multiply_adds.count(model, np.zeros((1, *shape), "uint8"))
    assert found == known


SMALL = (4, 6, 6, 8)
EACH = 4 * 6 * 6


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (keras.layers.Conv2D(4, 3, padding="same"), (6, 6, 8), 36 * 9 * 8 * 4),
        (keras.layers.Conv2D(4, 3, strides=2), (7, 7, 8), 9 * 9 * 8 * 4),
        (
            keras.layers.Conv2D(4, 1, groups=2, padding="same"),
            (6, 6, 8),
            36 * 4 * 4,
        ),
        (
            keras.layers.DepthwiseConv2D(3, padding="same"),
            (6, 6, 8),
            36 * 9 * 8,
        ),
        (keras.layers.Dense(5), (4, 8), 4 * 8 * 5),
        (keras.layers.MaxPooling2D(), (6, 6, 8), 0),
        (layers.TemporalWidenedConv(8), SMALL, EACH * 3 * 8 * 8),
        (
            layers.TemporalConv(3, downsampling=None),
            (20, 6, 2),
            20 * 6 * 5 * 2 * 3,
        ),
        (
            layers.ResIncBlock(8),
            (7, 6),
            7 * 6 * (2 * (2 + 3 + 4 + 5) + 2 * 8),
        ),
        (layers.LocalResponseNormalization(), (6, 6, 8), 36 * 8 * 8),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layers(layer, shape, expected):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    batch = np.zeros((2, *shape), "float32")
    assert multiply_adds.count(model, batch) == 2 * expected


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (layers.ConvFusion3D(8), SMALL, EACH * 27 * 16 * 8),
        (layers.StreamFusion("conv"), (6, 6, 8), 36 * 16 * 8),
        (layers.StreamFusion("bilinear"), (6, 6, 8), 36 * 8 * 8),
    ],
    ids=["conv_fusion_3d", "conv", "bilinear"],
)
def test_layers_of_two_streams(layer, shape, expected):
    inputs = {name: keras.Input(shape, name=name) for name in ("a", "b")}
    model = keras.Model(inputs, layer([*inputs.values()]))
    batch = {name: np.zeros((2, *shape), "float32") for name in inputs}
    assert multiply_adds.count(model, batch) == 2 * expected


def test_networks_in_networks_are_counted_where_they_are_called():
    inputs = keras.Input((8,))
    inner = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    model = keras.Model(inputs, inner(inner(inputs)))
    assert multiply_adds.count(model, np.zeros((3, 8), "float32")) == 3 * 128
