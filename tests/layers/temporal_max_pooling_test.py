import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import TemporalMaxPooling
from tests.layer_contract import check_layer
from tests.layers import harness


def clips(*shape):
    # Far below zero, where padding with zeros would show.
    return np.random.default_rng(0).normal(-9, 1, size=shape).astype("float32")


def numpy_pool(x, pool_size, strides):
    starts = range(0, max(x.shape[1] - pool_size, 0) + 1, strides)
    windows = [x[:, start : start + pool_size].max(axis=1) for start in starts]
    return np.stack(windows, axis=1)


@pytest.mark.parametrize(
    "config, num_windows",
    [
        ({"pool_size": 3}, 4),
        ({"pool_size": 2, "strides": 2}, 3),
        ({"pool_size": 9}, 1),
    ],
)
@pytest.mark.parametrize("positions", [(), (3, 2)])
def test_contract(config, num_windows, positions):
    check_layer(
        TemporalMaxPooling,
        config,
        input_shape=(2, 6, *positions, 4),
        expected_output_shape=(2, num_windows, *positions, 4),
        expected_num_trainable_weights=0,
    )


@pytest.mark.parametrize("pool_size, strides", [(1, 1), (5, 1), (3, 2), (2, 5)])
@pytest.mark.parametrize("known", [True, False])
def test_equals_numpy(pool_size, strides, known):
    layer = TemporalMaxPooling(pool_size, strides)
    for positions in ((), (3,), (2, 3)):
        pool = lambda x: ops.convert_to_numpy(layer(x))  # noqa: E731
        if not known:
            layer = TemporalMaxPooling(pool_size, strides)
            pool = harness.without_sizes(layer, clips(2, 5, *positions, 4))
        for num_steps in (1, 2, 4, 5, 6, 13):
            x = clips(2, num_steps, *positions, 4)
            expected = numpy_pool(x, pool_size, strides)
            np.testing.assert_array_equal(pool(x), expected)
            assert layer.compute_output_shape(x.shape) == expected.shape


def test_twenty_five_chunks_give_twenty_one_predictions():
    layer = TemporalMaxPooling(5)
    shape = (None, 25, None, None, 8)
    assert layer.compute_output_shape(shape) == (None, 21, None, None, 8)
    assert layer.compute_output_shape((2, None, 8)) == (2, None, 8)


def test_gradient_goes_to_the_largest():
    for num_steps in [3, 5, 8]:
        x = clips(2, num_steps, 3, 4)
        layer = TemporalMaxPooling(5, strides=5)
        layer.build(x.shape)
        harness.assert_gradients_arrive(layer, x)
        _, (gradient,) = harness.gradients(layer, x)
        largest = x == x[:, :5].max(axis=1, keepdims=True)
        np.testing.assert_array_equal(gradient != 0, largest)


def test_mixed_precision_of_unknown_time():
    for num_steps in [3, 8]:
        layer = TemporalMaxPooling(5, dtype="mixed_float16")
        x = clips(2, num_steps, 3, 4)
        y = harness.without_sizes(layer, x)(x)
        assert y.dtype == "float16"
        np.testing.assert_array_equal(y, numpy_pool(x.astype("float16"), 5, 1))


def test_invalid_arguments():
    for config, received in [
        ({"pool_size": 0}, "pool_size=0"),
        ({"pool_size": 3, "strides": 0}, "strides=0"),
    ]:
        with pytest.raises(ValueError, match=f"Received: {received}"):
            TemporalMaxPooling(**config)


def test_a_vector_has_no_time():
    with pytest.raises(ValueError, match="expected min_ndim=3"):
        TemporalMaxPooling(2)(keras.Input((4,)))
