import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import TemporalIdentityConv
from tests.layer_contract import check_layer
from tests.layers import harness


def clips(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def numpy_conv(x, kernel, bias):
    """One step of the clip and one tap of the kernel at a time."""
    y = np.zeros_like(x) + bias
    for step in range(x.shape[1]):
        for tap in range(len(kernel)):
            source = step + tap - len(kernel) // 2
            if 0 <= source < x.shape[1]:
                y[:, step] += x[:, source] @ kernel[tap]
    return y


@pytest.mark.parametrize("initialization", ["center", "avg"])
@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 3, 5, 3)])
def test_contract(initialization, shape):
    check_layer(
        TemporalIdentityConv,
        {"kernel_size": 5, "initialization": initialization},
        input_shape=shape,
        expected_output_shape=shape,
        expected_num_trainable_weights=2,
    )


def test_equals_numpy():
    for kernel_size in [1, 3, 5]:
        for shape in [(2, 5, 3), (2, 1, 3), (2, 2, 6, 3), (2, 6, 4, 5, 3)]:
            layer = TemporalIdentityConv(kernel_size)
            layer.build(shape)
            weights = [clips(kernel_size, 3, 3), clips(3)]
            layer.set_weights(weights)
            np.testing.assert_allclose(
                ops.convert_to_numpy(layer(clips(*shape))),
                numpy_conv(clips(*shape), *weights),
                atol=1e-5,
            )


def test_center_starts_as_identity():
    for kernel_size in [1, 3, 5]:
        for policy in ["float32", "mixed_bfloat16"]:
            x = clips(2, 5, 4, 4, 8)
            y = TemporalIdentityConv(kernel_size, dtype=policy)(x)
            dtype = keras.DTypePolicy(policy).compute_dtype
            expected = ops.cast(ops.cast(x, dtype), "float32")
            np.testing.assert_array_equal(
                ops.convert_to_numpy(ops.cast(y, "float32")),
                ops.convert_to_numpy(expected),
            )


def test_average_starts_as_moving_average():
    x = clips(2, 6, 4, 4, 8)
    y = ops.convert_to_numpy(TemporalIdentityConv(3, "avg")(x))
    zeros = np.zeros_like(x[:, :1])
    before = np.concatenate([zeros, x[:, :-1]], axis=1)
    after = np.concatenate([x[:, 1:], zeros], axis=1)
    np.testing.assert_allclose(y, (before + x + after) / 3, atol=1e-6)


@pytest.mark.parametrize("initialization", ["center", "avg"])
def test_time_and_sizes_unknown_until_called(initialization):
    layer = TemporalIdentityConv(3, initialization)
    convolve = harness.without_sizes(layer, clips(2, 5, 4, 4, 3))
    for shape in ((2, 5, 4, 4, 3), (1, 1, 7, 2, 3), (3, 25, 2, 2, 3)):
        x = clips(*shape)
        np.testing.assert_allclose(
            convolve(x), numpy_conv(x, *layer.get_weights()), atol=1e-5
        )


def test_gradients_arrive():
    for initialization in ["center", "avg"]:
        layer = TemporalIdentityConv(3, initialization)
        layer.build((2, 5, 4, 4, 3))
        x = clips(2, 5, 4, 4, 3)
        harness.assert_gradients_arrive(layer, x)
        (of_kernel, _), _ = harness.gradients(layer, x)
        # Every tap learns, also those that start at zero.
        assert np.all(np.abs(of_kernel) > 0)


def test_invalid_arguments():
    for config, received in [
        ({"kernel_size": 2}, "kernel_size=2"),
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"initialization": "random"}, "initialization='random'"),
    ]:
        with pytest.raises(ValueError, match=f"Received: {received}"):
            TemporalIdentityConv(**config)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="expected min_ndim=3"):
        TemporalIdentityConv()(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"input_shape=\(None, 5, None\)"):
        TemporalIdentityConv()(keras.Input((5, None)))
