import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from tests.backbones import reference

LAYERS = (
    "images conv1 relu1 norm1 pool1 conv2_pad conv2 relu2 norm2 pool2 "
    "conv3 relu3 conv4 relu4 conv5 relu5 pool5 "
    "fc6 relu6 drop6 fc7 relu7 features"
).split()


@pytest.mark.parametrize(
    "channels, expected", [(3, 90_627_813), (20, 90_707_781)]
)
def test_parameters(channels, expected):
    tower = reference.tower_without_weights("vgg_m_2048", channels=channels)
    assert tower.output.shape == (None, 2048)
    assert reference.trainable_parameters(tower, 101) == expected


@pytest.mark.parametrize("channels", [3, 2, 20])
def test_layers_have_the_names_of_the_release(channels):
    tower = reference.tower_without_weights(
        "vgg_m_2048", channels=channels, dropout=0.9
    )
    # The authors' temporal network has no norm2.
    expected = [name for name in LAYERS if channels == 3 or name != "norm2"]
    assert [layer.name for layer in tower.layers] == expected
    assert tower.get_layer("drop6").rate == 0.9
    for layer in tower.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert isinstance(
                layer.kernel_initializer, keras.initializers.HeNormal
            )


@pytest.mark.parametrize(
    "size, sizes",
    [
        (224, [109, 54, 26, 13, 13, 6, 1]),
        (227, [111, 55, 27, 13, 13, 6, 1]),
        (201, [98, 49, 24, 12, 12, 6, 1]),
        (256, [125, 62, 30, 15, 15, 7, 2]),
    ],
)
def test_sizes_of_maps(size, sizes):
    tower = reference.tower_without_weights(
        "vgg_m_2048", input_shape=(size, size)
    )
    shapes = reference.shapes(tower)
    names = ["norm1", "pool1", "norm2", "pool2", "relu5", "pool5", "relu6"]
    widths = [96, 96, 256, 256, 512, 512, 4096]
    for name, side, width in zip(names, sizes, widths, strict=True):
        assert shapes[name] == (side, side, width), name
    assert shapes["relu7"] == (sizes[-1], sizes[-1], 2048)


def test_places():
    with keras.StatelessScope(initialize_variables=False):
        walk = backbones.Walk("vgg_m_2048", keras.Input((224, 224, 20)))
        shapes = {}
        for place in [f"relu{stage}" for stage in range(1, 6)] + ["fc6", "fc7"]:
            shapes[place] = tuple(walk.to(place).shape[1:])
    assert shapes == {
        "relu1": (109, 109, 96),
        "relu2": (26, 26, 256),
        "relu3": (13, 13, 512),
        "relu4": (13, 13, 512),
        "relu5": (13, 13, 512),
        "fc6": (1, 1, 4096),
        "fc7": (1, 1, 2048),
    }


@pytest.mark.parametrize("channels", [3, 4])
def test_first_stages_are_the_formulas(channels):
    tower = backbones.get("vgg_m_2048", channels=channels, endpoints=["relu3"])
    reference.randomize(tower)
    x = np.random.default_rng(0).normal(0, 50, (2, 42, 49, channels))
    y = reference.convolution(x, tower.get_layer("conv1"), strides=2)
    y = reference.normalize(y, bias=2, alpha=1e-4)
    y = reference.max_pool(y, 3, 2)
    y = reference.convolution(y, tower.get_layer("conv2"), 2, padding=1)
    if channels == 3:
        y = reference.normalize(y, bias=2, alpha=1e-4)
    y = reference.max_pool(y, 3, 2)  # of 4x5: its height is rounded up
    y = reference.convolution(y, tower.get_layer("conv3"), padding=1)
    assert y.shape == (2, 2, 2, 512)
    np.testing.assert_allclose(
        ops.convert_to_numpy(tower(x.astype("float32"))["relu3"]),
        y,
        rtol=1e-3,
        atol=1e-5 * y.max(),
    )


def test_fully_connected_layers_read_every_window():
    walk = backbones.Walk("vgg_m_2048", keras.Input((None, None, 3)))
    with keras.StatelessScope(initialize_variables=False):
        walk.to("relu5")
    # Two channels in place of 512 have the same layers and fewer weights.
    walk.put(keras.KerasTensor((None, None, None, 2)))
    end = walk.part(name="end")
    reference.randomize(end)
    x = np.random.default_rng(0).normal(size=(1, 15, 13, 2)).astype("float32")
    y = ops.convert_to_numpy(end(x))
    assert y.shape == (1, 2, 1, 2048)
    pooled = reference.max_pool(x, 3, 2)
    for row in (0, 1):
        vector = pooled[:, row : row + 6].reshape(1, -1)  # as Caffe's fc6
        for name in ("fc6", "fc7"):
            kernel, bias = end.get_layer(name).get_weights()
            kernel = kernel.reshape(vector.shape[1], -1)
            vector = np.maximum(vector @ kernel + bias, 0)
        np.testing.assert_allclose(y[:, row, 0], vector, rtol=1e-3, atol=1e-4)


@pytest.mark.large
def test_whole_frames():
    tower = backbones.get("vgg_m_2048", channels=20, pooling=None)
    x = np.random.default_rng(0).normal(0, 50, (1, 256, 340, 20))
    y = ops.convert_to_numpy(tower(x.astype("float32")))
    assert y.shape == (1, 2, 5, 2048)
    assert np.isfinite(y).all() and (y > 0).any()
