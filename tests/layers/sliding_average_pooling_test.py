import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from keras_vidrec.layers import SlidingAveragePooling2D


@pytest.mark.parametrize(
    "shape, window", [((8, 11), 7), ((7, 7), 7), ((3, 9), 4), ((2, 2), 7)]
)
def test_the_mean_over_all_positions_of_the_window(shape, window):
    maps = np.random.default_rng(0).normal(size=(2, *shape, 3))
    sides = [min(window, side) for side in shape]
    windows = sliding_window_view(maps, sides, axis=(1, 2))
    expected = windows.mean(axis=(-2, -1)).mean(axis=(1, 2))
    layer = SlidingAveragePooling2D(window)
    found = keras.ops.convert_to_numpy(layer(maps.astype("float32")))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert layer.compute_output_shape((None, None, None, 3)) == (None, 3)
    again = SlidingAveragePooling2D.from_config(layer.get_config())
    assert again.window == window


def test_places_at_the_border_count_less():
    """As in the authors' program on maps of 8 x 11."""
    places = np.eye(88, dtype="float32").reshape(88, 8, 11, 1)
    layer = SlidingAveragePooling2D(7)
    shares = keras.ops.convert_to_numpy(layer(places)).reshape(8, 11) * 88
    assert shares[0, 0] == pytest.approx(0.18, abs=5e-3)
    assert shares[4, 5] == pytest.approx(1.80, abs=5e-3)
    assert shares.sum() == pytest.approx(88)


def test_maps_of_any_size_in_one_graph():
    images = keras.Input((None, None, 2))
    model = keras.Model(images, SlidingAveragePooling2D(3)(images))
    for shape in ((4, 5), (9, 2)):
        maps = np.ones((1, *shape, 2), "float32")
        np.testing.assert_allclose(model.predict_on_batch(maps), [[1, 1]], 1e-6)


def test_a_window_has_a_side():
    with pytest.raises(ValueError, match="window=0"):
        SlidingAveragePooling2D(0)
