import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import TemporalIdentityConv
from keras_vidrec.layers import TemporalWidenedConv
from tests.layer_contract import check_layer
from tests.layers import harness


def clips(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def numpy_conv(x, kernel, bias):
    """One step of the clip and one tap of the kernel at a time."""
    y = np.zeros((*x.shape[:-1], kernel.shape[-1])) + bias
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


@pytest.mark.parametrize("initialization", ["center", "avg"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_contract_of_a_widened_convolution(initialization, use_bias):
    config = {"filters": 5, "initialization": initialization}
    check_layer(
        TemporalWidenedConv,
        {**config, "use_bias": use_bias},
        input_shape=(2, 4, 3, 2, 6),
        expected_output_shape=(2, 4, 3, 2, 5),
        expected_num_trainable_weights=1 + use_bias,
    )
    for wrong in ({"filters": 0}, {"initialization": "x"}, {"use_bias": 1}):
        (name,) = wrong
        with pytest.raises(ValueError, match=f"Received: {name}="):
            TemporalWidenedConv(**{**config, **wrong})


def test_a_widened_convolution_begins_as_that_of_images():
    """Alone, or as the moving average of three: the authors' thirds."""
    plain = keras.layers.Conv2D(5, 1)
    x = clips(2, 6, 4, 3, 8)
    images = ops.convert_to_numpy(plain(x.reshape(12, 4, 3, 8)))
    kernel = plain.get_weights()[0]
    alone = images.reshape(2, 6, 4, 3, 5)
    padded = np.pad(alone, ((0, 0), (1, 1), (0, 0), (0, 0), (0, 0)))
    average = sum(padded[:, tap : tap + 6] for tap in range(3)) / 3
    for initialization, expected in (("center", alone), ("avg", average)):
        layer = TemporalWidenedConv(5, initialization)
        layer.build(x.shape)
        # A random one is spread over time like a trained one.
        random = layer.get_weights()[0]
        summed = layer.widened(random.sum(0)[None, None])
        np.testing.assert_allclose(random, summed, atol=1e-6)
        layer.set_weights([layer.widened(kernel), np.zeros(5)])
        convolve = harness.without_sizes(layer, x)
        np.testing.assert_allclose(convolve(x), expected, atol=1e-5)
        harness.assert_gradients_arrive(layer, x)
    assert layer.widened(kernel[..., :4]) is None
    weights = [clips(3, 8, 5), clips(5)]
    layer.set_weights(weights)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x)), numpy_conv(x, *weights), atol=1e-4
    )
