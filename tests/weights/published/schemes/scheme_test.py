import keras
import numpy as np
import pytest

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights.published.schemes.scheme import from_oihw
from keras_vidrec.weights.published.schemes.scheme import translate_by_name
from keras_vidrec.weights.towers import Slot

PLACES = {
    "a.weight": ("fc6", "kernel"),
    "head.bias": ("logits", "bias"),
    "old.bias": ("logits", "bias"),
}
SCALING = {"rgb": PixelScaling(1.0)}
KERNEL = Slot(None, "fc6", "kernel")


def translate(tensors, **kwargs):
    return translate_by_name("ours", tensors, PLACES, SCALING, **kwargs)


def test_places_and_what_has_none():
    tensors = {
        "x": np.ones(1),
        "old.bias": np.ones((1, 2)),
        "steps": np.int64(1),
        "a.weight": np.arange(6.0).reshape(2, 3),
        "head.bias": np.zeros(2),
    }
    translation = translate(tensors, ignored={"steps": "counts"})
    assert translation.scheme == "ours"
    assert translation.scaling == SCALING
    assert translation.ignored == {"steps": "counts"}
    assert translation.unknown == ("x", "old.bias")
    bias = translation.pieces[Slot(None, "logits", "bias")]
    assert (bias.source, bias.array.tolist()) == ("head.bias", [0, 0])
    kernel = translation.pieces[KERNEL]
    assert kernel.array.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert len(translation.pieces) == 2


def test_none_of_the_names():
    tensors = {"steps": np.int64(1), "x": np.ones(1)}
    translation = translate(tensors, ignored={"steps": "counts"})
    assert translation.pieces == translation.ignored == {}
    assert translation.unknown == ("steps", "x")


def test_maps():
    tensor = np.arange(24.0).reshape(2, 12)
    maps = {"fc6": (3, 2, 2)}
    array = translate({"a.weight": tensor}, maps=maps).pieces[KERNEL].array
    assert array.shape == (2, 2, 3, 2)
    for y, x, channel, filter_ in np.ndindex(array.shape):
        index = 12 * filter_ + 4 * channel + 2 * y + x
        assert array[y, x, channel, filter_] == index


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((2, 11), (11, 2)),
        ((2, 3, 5, 7), (5, 7, 3, 2)),
        ((2, 3, 5, 7, 1), (2, 3, 5, 7, 1)),
        ((4,), (4,)),
        ((), ()),
    ],
)
def test_other_shapes_are_left_to_be_told(shape, expected):
    tensors = {"a.weight": np.zeros(shape, "float32")}
    translation = translate(tensors, maps={"fc6": (3, 2, 2)})
    assert translation.pieces[KERNEL].array.shape == expected


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
