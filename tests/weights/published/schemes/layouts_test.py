import keras
import numpy as np

from keras_vidrec.weights.published.schemes.layouts import from_oihw


def test_a_convolution_gives_what_it_gave():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 3, 2, 5)).astype("float32")
    image = rng.normal(size=(3, 2, 5)).astype("float32")
    layer = keras.layers.Conv2D(4, (2, 5), use_bias=False)
    layer.build((None, 2, 5, 3))
    layer.set_weights([from_oihw("kernel", kernel)])
    found = layer(image.transpose(1, 2, 0)[None])
    expected = np.einsum("chw,fchw->f", image, kernel)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-4)


def test_fully_connected_layers():
    """Flattened are channels, then rows, then columns; here, and as a
    convolution of the size of the maps."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(4, 3 * 2 * 5)).astype("float32")
    maps = rng.normal(size=(3, 2, 5)).astype("float32")
    expected = matrix @ maps.ravel()
    found = maps.ravel() @ from_oihw("kernel", matrix)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    kernel = from_oihw("kernel", matrix, (3, 2, 5))
    found = np.einsum("hwc,hwcf->f", maps.transpose(1, 2, 0), kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_vectors_with_more_axes():
    assert from_oihw("gamma", np.ones((1, 7))).shape == (7,)
    assert from_oihw("bias", np.ones((1, 1, 1, 7))).shape == (7,)
