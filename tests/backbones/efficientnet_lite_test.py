import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from keras_vidrec.layers.batch_normalization import BatchNormalization
from tests.backbones import reference

# Blocks; parameters with ImageNet's classifier, those that are trained, and
# those without it; size of the images.
VARIANTS = [
    ("efficientnet_lite0", 16, 4_694_024, 4_652_008, 3_413_024, 224),
    ("efficientnet_lite1", 21, 5_470_344, 5_416_680, 4_189_344, 240),
    ("efficientnet_lite2", 21, 6_150_168, 6_092_072, 4_869_168, 260),
    ("efficientnet_lite3", 24, 8_273_768, 8_197_096, 6_992_768, 280),
    ("efficientnet_lite4", 30, 13_118_936, 13_006_568, 11_837_936, 300),
]
CLASSIFIER = 1280 * 1000 + 1000


def count(variables):
    return sum(math.prod(variable.shape) for variable in variables)


@pytest.mark.parametrize("name, blocks, whole, trained, tower, size", VARIANTS)
def test_the_five(name, blocks, whole, trained, tower, size):
    model = reference.tower_without_weights(name, input_shape=(size, size))
    assert count(model.weights) == tower == whole - CLASSIFIER
    assert count(model.trainable_variables) + CLASSIFIER == trained
    assert model.output.shape == (None, 1280)
    layers = {layer.name: layer for layer in model.layers}
    assert len(layers) == len(model.layers)
    assert sum(name.endswith("_dwconv") for name in layers) == blocks
    side = math.ceil(size / 32)
    assert layers["top_activation"].output.shape == (None, side, side, 1280)
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-3)
        if hasattr(layer, "use_bias"):
            assert not layer.use_bias and layer.padding == "same"
    strided = [
        layer.name
        for layer in model.layers
        if getattr(layer, "strides", (1, 1)) != (1, 1)
    ]
    assert strided == [
        "stem_conv",
        *(f"block{stage}a_dwconv" for stage in (2, 3, 4, 6)),
    ]


def test_names_are_those_of_keras_applications():
    model = reference.tower_without_weights("efficientnet_lite0")
    with keras.StatelessScope(initialize_variables=False):
        other = keras.applications.EfficientNetB0(
            weights=None, include_top=False
        )
    # A gate in every block, pixels, explicit padding and layers left out are
    # more than Lite has.
    more = ("_se_", "input", "rescaling", "normalization", "_pad", "_drop")
    theirs = {
        layer.name
        for layer in other.layers
        if not any(part in layer.name for part in more)
    }
    assert {layer.name for layer in model.layers[1:-1]} == theirs


@pytest.fixture(scope="module")
def stem():
    """The stem, and the first blocks with and without a stride."""
    tower = backbones.get("efficientnet_lite0", endpoints=["block1a", "relu2"])
    reference.randomize(tower)
    for layer in tower.layers:
        if isinstance(layer, BatchNormalization):
            # As in the middle of a training.
            shape = layer.gamma.shape
            layer.set_weights(
                [np.full(shape, x, "float32") for x in (3.0, 1.0, 0.1, 0.5)]
            )
    return tower


def padded(x, size, stride):
    """Zeros as TensorFlow's "same" has them."""
    sides = []
    for length in x.shape[1:3]:
        missing = max(0, (math.ceil(length / stride) - 1) * stride + size)
        missing = max(0, missing - length)
        sides.append((missing // 2, missing - missing // 2))
    return np.pad(x, [(0, 0), *sides, (0, 0)])


def convolved(x, layer):
    kernel = ops.convert_to_numpy(layer.kernel)
    size, (stride, _) = kernel.shape[0], layer.strides
    x = padded(x, size, stride)
    windows = np.lib.stride_tricks.sliding_window_view(
        x, (size, size), axis=(1, 2)
    )[:, ::stride, ::stride]
    if layer.name.endswith("_dwconv"):
        return np.einsum("nhwcij,ijc->nhwc", windows, kernel[..., 0])
    return np.einsum("nhwcij,ijcd->nhwd", windows, kernel, optimize=True)


def test_blocks_by_numpy(stem):
    """Stem, a block without expansion, one with a stride, one with a
    shortcut; sizes of which the padding is even and odd."""

    def step(x, convolution, norm, active=True):
        x = convolved(x, stem.get_layer(convolution))
        gamma, beta, mean, variance = stem.get_layer(norm).get_weights()
        x = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
        return np.clip(x, 0, 6) if active else x

    def block(x, name, expand=True):
        if expand:
            x = step(x, f"{name}_expand_conv", f"{name}_expand_bn")
        x = step(x, f"{name}_dwconv", f"{name}_bn")
        return step(x, f"{name}_project_conv", f"{name}_project_bn", False)

    images = np.random.default_rng(0).normal(size=(2, 24, 17, 3))
    images = images.astype("float32")
    x = step(images, "stem_conv", "stem_bn")
    assert (x == 0).any() and (x == 6).any()
    first = block(x, "block1a", expand=False)
    x = block(first, "block2a")
    expected = x + block(x, "block2b")
    found = stem(images)
    assert found["relu2"].shape == (2, 6, 5, 24)
    for place, array in (("block1a", first), ("relu2", expected)):
        np.testing.assert_allclose(
            ops.convert_to_numpy(found[place]),
            array,
            rtol=1e-4,
            atol=1e-4 * np.abs(array).max(),
        )


def test_depthwise_kernels_start_as_the_others():
    """Each sees one channel, so by He's rule its deviation is that of as many
    inputs as it has elements."""
    tower = backbones.get("efficientnet_lite0", endpoints=["block2a"])
    kernel = ops.convert_to_numpy(tower.get_layer("block2a_dwconv").kernel)
    assert kernel.shape == (3, 3, 96, 1)
    np.testing.assert_allclose(kernel.std(), (2 / 9) ** 0.5, rtol=0.15)
