import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from tests.backbones import reference

# Table 1 of the paper: filters of the 1x1, the 3x3's reduction, the 3x3, the
# 5x5's reduction, the 5x5 and the projection.
TABLE = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
WIDTHS = {"3a": 256, "3b": 480, "4d": 528, "4e": 832, "5a": 832, "5b": 1024}
WIDTHS |= {"4a": 512, "4b": 512, "4c": 512}
ROLES = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")


@pytest.mark.parametrize(
    "channels, num_classes, expected",
    [
        # Caffe's release, without its auxiliary classifiers.
        (3, 1000, 6_998_552),
        (3, 101, 6_077_077),
        (10, 101, 6_077_077 + 7 * 7 * 7 * 64),
    ],
)
def test_parameters(channels, num_classes, expected):
    tower = reference.tower_without_weights("googlenet", channels=channels)
    assert reference.trainable_parameters(tower, num_classes) == expected
    assert not tower.non_trainable_variables


def test_is_the_table_of_the_paper():
    tower = reference.tower_without_weights("googlenet")
    names = {layer.name for layer in tower.layers}
    assert names >= {
        "conv1_7x7_s2",
        "conv1_relu_7x7",
        "pool1_3x3_s2",
        "pool1_norm1",
        "conv2_3x3_reduce",
        "conv2_relu_3x3_reduce",
        "conv2_3x3",
        "conv2_relu_3x3",
        "conv2_norm2",
        "pool2_3x3_s2",
        "pool3_3x3_s2",
        "pool4_3x3_s2",
        "inception_5b_output",
    }
    for block, filters in TABLE.items():
        for role, width in zip(ROLES, filters, strict=True):
            convolution = tower.get_layer(f"inception_{block}_{role}")
            assert convolution.filters == width
            assert convolution.use_bias
            assert f"inception_{block}_relu_{role}" in names
        pool = tower.get_layer(f"inception_{block}_pool")
        assert (pool.mode, pool.pool_size, pool.strides, pool.padding) == (
            "max",
            3,
            1,
            1,
        )
    convolutions = [
        layer
        for layer in tower.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert len(convolutions) == 3 + 6 * len(TABLE)
    for layer in convolutions:
        assert isinstance(layer.kernel_initializer, keras.initializers.HeNormal)


@pytest.mark.parametrize(
    "size, sizes",
    [
        (224, [112, 56, 28, 14, 7]),
        (225, [113, 56, 28, 14, 7]),
        (227, [114, 57, 28, 14, 7]),
        (97, [49, 24, 12, 6, 3]),
        (256, [128, 64, 32, 16, 8]),
    ],
)
def test_sizes_and_widths(size, sizes):
    tower = reference.tower_without_weights(
        "googlenet", input_shape=(size, size)
    )
    shapes = reference.shapes(tower)
    first, second, third, fourth, fifth = sizes
    assert shapes["conv1_7x7_s2"] == (first, first, 64)
    assert shapes["pool1_norm1"] == (second, second, 64)
    assert shapes["conv2_norm2"] == (second, second, 192)
    sides = {"3": third, "4": fourth, "5": fifth}
    for block, width in WIDTHS.items():
        side = sides[block[0]]
        assert shapes[f"inception_{block}_output"] == (side, side, width)


def test_places():
    with keras.StatelessScope(initialize_variables=False):
        walk = backbones.Walk("googlenet", keras.Input((224, 224, 3)))
        tensor = walk.to("relu2")
        assert tensor.shape == (None, 56, 56, 192)
        ends = {"3b": "relu3", "4e": "relu4", "5b": "relu5"}
        for block, width in sorted(WIDTHS.items()):
            tensor = walk.to(f"inception_{block}")
            assert tensor.shape[-1] == width
            if block in ends:
                assert walk.to(ends[block]) is tensor
        assert walk.to() is tensor


@pytest.mark.large_on_jax
def test_stem_is_the_formulas():
    tower = backbones.get("googlenet", channels=4, endpoints=["inception_3a"])
    reference.randomize(tower)
    stem = keras.Model(tower.input, tower.get_layer("pool2_3x3_s2").output)
    x = np.random.default_rng(0).normal(0, 50, (2, 30, 37, 4))
    y = reference.convolution(x, tower.get_layer("conv1_7x7_s2"), 2, padding=3)
    y = reference.max_pool(y, 3, 2)
    # Caffe divides its alpha of 1e-4 by the number of channels in the sum.
    y = reference.normalize(y, bias=1, alpha=2e-5)
    y = reference.convolution(y, tower.get_layer("conv2_3x3_reduce"))
    y = reference.convolution(y, tower.get_layer("conv2_3x3"), padding=1)
    y = reference.normalize(y, bias=1, alpha=2e-5)
    y = reference.max_pool(y, 3, 2)
    assert y.shape == (2, 3, 4, 192)
    np.testing.assert_allclose(
        ops.convert_to_numpy(stem(x.astype("float32"))),
        y,
        rtol=1e-3,
        atol=1e-5 * y.max(),
    )


def test_block_is_the_formulas():
    tower = backbones.get("googlenet", endpoints=["inception_3a"])
    reference.randomize(tower)
    block = keras.Model(
        tower.get_layer("pool2_3x3_s2").output, tower.output["inception_3a"]
    )
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 192)).astype("float32")

    def convolution(x, role, padding=0):
        layer = tower.get_layer(f"inception_3a_{role}")
        return reference.convolution(x, layer, padding=padding)

    expected = np.concatenate(
        [
            convolution(x, "1x1"),
            convolution(convolution(x, "3x3_reduce"), "3x3", 1),
            convolution(convolution(x, "5x5_reduce"), "5x5", 2),
            convolution(reference.max_pool(x, 3, 1, 1), "pool_proj"),
        ],
        axis=-1,
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(block(x)), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.large_on_jax
def test_whole_frames_of_any_size():
    tower = backbones.get("googlenet", pooling=None)
    # Odd maps lose their last row or column to a pooling: 340, 170, 85, 42, ...
    for size, map_size in [((256, 340), (8, 10)), ((97, 83), (3, 2))]:
        x = np.random.default_rng(0).normal(0, 50, (1, *size, 3))
        y = ops.convert_to_numpy(tower(x.astype("float32")))
        assert y.shape == (1, *map_size, 1024)
        assert np.isfinite(y).all() and (y > 0).any()
