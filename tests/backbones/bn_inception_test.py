import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from tests.backbones.reference import tower_without_weights


@pytest.fixture(scope="module")
def tower():
    return backbones.get("bn_inception")


def test_is_the_caffe_release():
    tower = tower_without_weights("bn_inception", channels=10)
    norms = [
        layer
        for layer in tower.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 69
    assert sum(layer.gamma.shape[0] for layer in norms) == 10_016
    assert {(n.momentum, n.epsilon) for n in norms} == {(0.9, 1e-5)}
    for layer in tower.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert layer.use_bias
            assert tower.get_layer(f"{layer.name}_bn") in norms
    # 3 channels, 1000 classes: 11,295,240; conv1 has 7 channels more.
    trainable = sum(int(np.prod(v.shape)) for v in tower.trainable_variables)
    assert trainable == 11_295_240 - 1_025_000 + 7 * 7 * 7 * 64
    names = {layer.name for layer in tower.layers}
    assert names >= {
        "conv1_7x7_s2",
        "conv1_7x7_s2_bn",
        "conv1_relu_7x7",
        "pool1_3x3_s2",
        "conv2_3x3_reduce",
        "conv2_relu_3x3_reduce",
        "conv2_3x3",
        "pool2_3x3_s2",
        "inception_3a_1x1",
        "inception_3a_1x1_bn",
        "inception_3a_relu_1x1",
        "inception_3b_double_3x3_reduce",
        "inception_3c_double_3x3_2_bn",
        "inception_4e_pool",
        "inception_5b_pool_proj",
        "inception_5b_relu_pool_proj",
        "inception_5b_output",
    }
    assert not names & {"inception_3c_1x1", "inception_4e_pool_proj"}


def test_sizes_and_widths_of_the_blocks():
    tower = tower_without_weights("bn_inception", input_shape=(224, 224))
    shapes = {
        layer.name: tuple(layer.output.shape[1:]) for layer in tower.layers
    }
    assert shapes["conv1_7x7_s2"] == (112, 112, 64)
    assert shapes["pool1_3x3_s2"] == (56, 56, 64)
    assert shapes["pool2_3x3_s2"] == (28, 28, 192)
    widths = [256, 320, 576, 576, 576, 608, 608, 1056, 1024, 1024]
    sizes = [28, 28, 14, 14, 14, 14, 14, 7, 7, 7]
    blocks = ["3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    for block, width, size in zip(blocks, widths, sizes, strict=True):
        assert shapes[f"inception_{block}_output"] == (size, size, width)


def test_stem_pads_as_caffe(tower):
    conv = tower.get_layer("conv1_7x7_s2")
    rng = np.random.default_rng(0)
    conv.set_weights([rng.normal(size=w.shape) for w in conv.get_weights()])
    stem = keras.Model(tower.input, conv.output)
    x = rng.normal(size=(1, 24, 20, 3)).astype("float32")
    padded = np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)])
    kernel, bias = conv.get_weights()
    y = ops.convert_to_numpy(stem(x))
    assert y.shape == (1, 12, 10, 64)
    for row, column in [(0, 0), (11, 9), (5, 0)]:
        window = padded[0, 2 * row : 2 * row + 7, 2 * column : 2 * column + 7]
        np.testing.assert_allclose(
            y[0, row, column],
            np.tensordot(window, kernel, 3) + bias,
            rtol=1e-4,
            atol=1e-4,
        )


def test_blocks_pool_as_the_release(tower):
    pools = {
        layer.name: (layer.mode, layer.strides, layer.padding)
        for layer in tower.layers
        if layer.name.endswith("_pool")
    }
    average, halving = ("avg", 1, 1), ("max", 2, 0)
    assert pools == {
        **{f"inception_{b}_pool": average for b in ("3a", "3b", "5a")},
        **{f"inception_4{letter}_pool": average for letter in "abcd"},
        "inception_3c_pool": halving,
        "inception_4e_pool": halving,
        "inception_5b_pool": ("max", 1, 1),
    }


def test_odd_maps_differ_from_even_ones_at_the_border_only(tower):
    # A block that halves 9x9 and 8x8 maps of one image.
    block = keras.Model(
        tower.get_layer("inception_3b_output").output,
        tower.get_layer("inception_3c_output").output,
    )
    x = np.random.default_rng(0).uniform(size=(1, 9, 9, 320))
    odd = ops.convert_to_numpy(block(x))
    even = ops.convert_to_numpy(block(x[:, :8, :8]))
    assert odd.shape == (1, 5, 5, 576) and even.shape == (1, 4, 4, 576)
    np.testing.assert_allclose(odd[:, :3, :3], even[:, :3, :3], atol=1e-5)
