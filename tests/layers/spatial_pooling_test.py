import math

import keras
import numpy as np
import pytest
from keras import ops
from numpy.lib.stride_tricks import sliding_window_view

from keras_vidrec.layers.spatial_pooling import CaffePooling
from keras_vidrec.layers.spatial_pooling import SlidingAveragePooling2D
from tests.layer_contract import check_layer
from tests.layers import harness


def caffe_pool(x, pool_size, strides, padding, mode, every_stride=False):
    """Caffe's pooling loop over the windows, in NumPy."""

    def windows(size):
        count = math.ceil((size + 2 * padding - pool_size) / strides) + 1
        if padding and (count - 1) * strides >= size + padding:
            count -= 1
        if every_stride:
            count = math.ceil((size + padding) / strides)
        starts = [position * strides - padding for position in range(count)]
        return [
            (start, min(start + pool_size, size + padding)) for start in starts
        ]

    rows, columns = windows(x.shape[1]), windows(x.shape[2])
    y = np.empty((x.shape[0], len(rows), len(columns), x.shape[3]))
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            window = x[:, max(top, 0) : bottom, max(left, 0) : right]
            if mode == "max":
                y[:, i, j] = window.max((1, 2))
            else:
                area = (bottom - top) * (right - left)
                y[:, i, j] = window.sum((1, 2)) / area
    return y


@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize(
    "config",
    [
        (3, 2, 0),
        (3, 2, 0, True),
        (3, 1, 1),
        (3, 1, 1, True),
        (3, 2, 1),
        (2, 2, 1),
        (2, 2, 0),
        (3, 3, 2),
    ],
)
@pytest.mark.parametrize("static", [True, False])
def test_equals_caffe(config, mode, static):
    config = (*config[:3], mode, *config[3:])
    layer = CaffePooling(*config)
    if not static:
        run = harness.without_sizes(layer, np.zeros((2, 7, 7, 3), "float32"))
    for height, width in [(8, 8), (7, 10), (13, 5)]:
        x = np.random.default_rng(0).normal(-3, 1, (2, height, width, 3))
        x = x.astype("float32")
        expected = caffe_pool(x, *config)
        if static:
            y = layer(x)
            assert layer.compute_output_shape(x.shape) == expected.shape
        else:
            y = run(x)
        np.testing.assert_allclose(ops.convert_to_numpy(y), expected, atol=1e-5)


def test_config_round_trip_and_precision():
    layer = CaffePooling(3, 2, 1, "avg", True, dtype="mixed_float16", name="p")
    copy = CaffePooling.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    x = np.full((1, 5, 5, 1), 2.0)
    y = copy(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    assert ops.convert_to_numpy(y)[0, 1, 1, 0] == pytest.approx(2, abs=4e-3)


@pytest.mark.parametrize(
    "kwargs, received",
    [
        ({"pool_size": 0}, "pool_size=0"),
        ({"pool_size": 3, "strides": 0}, "strides=0"),
        ({"pool_size": 3, "padding": 3}, "padding=3"),
        ({"pool_size": 3, "mode": "sum"}, "mode='sum'"),
    ],
)
def test_invalid_arguments(kwargs, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        CaffePooling(**kwargs)


def test_contract_of_the_average_that_slides():
    check_layer(
        SlidingAveragePooling2D,
        {"window": 7},
        input_shape=(2, 8, 11, 3),
        expected_output_shape=(2, 3),
        expected_num_trainable_weights=0,
    )
    for window in (0, 2.0, None):
        with pytest.raises(ValueError, match=f"Received: window={window}"):
            SlidingAveragePooling2D(window)


@pytest.mark.parametrize("known", [True, False])
def test_the_mean_over_all_positions_of_the_window(known):
    for window in (1, 4, 7):
        layer = SlidingAveragePooling2D(window)
        pool = lambda x: ops.convert_to_numpy(layer(x))  # noqa: E731
        if not known:
            pool = harness.without_sizes(layer, np.zeros((2, 7, 7, 3), "f"))
        for shape in ((8, 11), (7, 7), (3, 9), (2, 2)):
            maps = np.random.default_rng(0).normal(size=(2, *shape, 3))
            sides = [min(window, side) for side in shape]
            windows = sliding_window_view(maps, sides, axis=(1, 2))
            expected = windows.mean(axis=(-2, -1)).mean(axis=(1, 2))
            found = pool(maps.astype("float32"))
            np.testing.assert_allclose(found, expected, atol=1e-6)
    assert layer.compute_output_shape((None, None, None, 3)) == (None, 3)


def test_places_at_the_border_count_less():
    """As in the authors' program on maps of 8 x 11; not on those of 7 x 7."""
    for sides in ((8, 11), (7, 7)):
        number = sides[0] * sides[1]
        places = np.eye(number, dtype="float32").reshape(number, *sides, 1)
        shares = ops.convert_to_numpy(SlidingAveragePooling2D(7)(places))
        shares = shares.reshape(sides) * number
        assert shares.sum() == pytest.approx(number)
        corner, middle = shares[0, 0], shares[4, 5]
        if sides == (7, 7):
            np.testing.assert_allclose(shares, 1, rtol=1e-6)
        else:
            assert corner == pytest.approx(0.18, abs=5e-3)
            assert middle == pytest.approx(1.80, abs=5e-3)
