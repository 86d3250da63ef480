import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.caffe_pooling import CaffePooling
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
