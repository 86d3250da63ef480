import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from tests.backbones import reference

STAGES = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


@pytest.mark.parametrize(
    "channels, num_classes, expected",
    [
        (3, 1000, 138_357_544),
        (3, 101, 134_674_341),
        (20, 101, 134_674_341 + 17 * 3 * 3 * 64),
    ],
)
def test_parameters(channels, num_classes, expected):
    tower = reference.tower_without_weights("vgg16", channels=channels)
    assert tower.output.shape == (None, 4096)
    assert reference.trainable_parameters(tower, num_classes) == expected


def test_layers_have_the_names_of_the_release():
    tower = reference.tower_without_weights("vgg16", dropout=0.85)
    names = ["images"]
    for stage, (_, count) in enumerate(STAGES, start=1):
        for position in range(1, count + 1):
            names += [f"conv{stage}_{position}", f"relu{stage}_{position}"]
        names.append(f"pool{stage}")
    names += ["fc6", "relu6", "drop6", "fc7", "relu7", "features"]
    assert [layer.name for layer in tower.layers] == names
    assert tower.get_layer("drop6").rate == 0.85
    for layer in tower.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert isinstance(
                layer.kernel_initializer, keras.initializers.HeNormal
            )


@pytest.mark.parametrize(
    "size, pooled, fc6",
    [
        (224, [112, 56, 28, 14, 7], 1),
        (225, [113, 57, 29, 15, 8], 2),
        (193, [97, 49, 25, 13, 7], 1),
    ],
)
def test_sizes_of_maps(size, pooled, fc6):
    tower = reference.tower_without_weights("vgg16", input_shape=(size, size))
    shapes = reference.shapes(tower)
    for stage, (filters, count) in enumerate(STAGES, start=1):
        before = size if stage == 1 else pooled[stage - 2]
        assert shapes[f"relu{stage}_{count}"] == (before, before, filters)
        after = pooled[stage - 1]
        assert shapes[f"pool{stage}"] == (after, after, filters)
    assert shapes["relu6"] == shapes["relu7"] == (fc6, fc6, 4096)


def test_places():
    with keras.StatelessScope(initialize_variables=False):
        walk = backbones.Walk("vgg16", keras.Input((224, 224, 3)))
        shapes = {}
        for place in ("relu2", "relu3", "relu4", "relu5", "fc6", "fc7"):
            shapes[place] = tuple(walk.to(place).shape[1:])
    assert shapes == {
        "relu2": (112, 112, 128),
        "relu3": (56, 56, 256),
        "relu4": (28, 28, 512),
        "relu5": (14, 14, 512),
        "fc6": (1, 1, 4096),
        "fc7": (1, 1, 4096),
    }


@pytest.mark.large_on_jax
def test_first_stages_are_the_formulas():
    tower = backbones.get("vgg16", channels=4, endpoints=["relu2"])
    reference.randomize(tower)
    # An odd height, so that the pooling rounds up.
    x = np.random.default_rng(0).normal(size=(2, 9, 6, 4)).astype("float32")
    y = x
    for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"):
        if name == "conv2_1":
            y = reference.max_pool(y, 2, 2)
        y = reference.convolution(y, tower.get_layer(name), padding=1)
    assert y.shape == (2, 5, 3, 128)
    np.testing.assert_allclose(
        ops.convert_to_numpy(tower(x)["relu2"]), y, rtol=1e-4, atol=1e-4
    )


def test_fully_connected_layers_read_every_window():
    walk = backbones.Walk("vgg16", keras.Input((None, None, 3)))
    with keras.StatelessScope(initialize_variables=False):
        walk.to("relu5")
    # Two channels in place of 512 have the same layers and fewer weights.
    walk.put(keras.KerasTensor((None, None, None, 2)))
    end = walk.part(name="end")
    reference.randomize(end)
    x = np.random.default_rng(0).normal(size=(1, 15, 14, 2)).astype("float32")
    y = ops.convert_to_numpy(end(x))
    assert y.shape == (1, 2, 1, 4096)
    pooled = reference.max_pool(x, 2, 2)
    for row in (0, 1):
        vector = pooled[:, row : row + 7].reshape(1, -1)  # as Caffe's fc6
        for name in ("fc6", "fc7"):
            kernel, bias = end.get_layer(name).get_weights()
            kernel = kernel.reshape(-1, 4096)
            vector = np.maximum(vector @ kernel + bias, 0)
        np.testing.assert_allclose(y[:, row, 0], vector, rtol=1e-3, atol=1e-4)


@pytest.mark.large
def test_whole_frames():
    tower = backbones.get("vgg16", pooling=None)
    x = np.random.default_rng(0).normal(0, 50, (1, 256, 340, 3))
    y = ops.convert_to_numpy(tower(x.astype("float32")))
    assert y.shape == (1, 2, 5, 4096)
    assert np.isfinite(y).all() and (y > 0).any()
