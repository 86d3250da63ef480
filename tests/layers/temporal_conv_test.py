import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.temporal_conv import TemporalConv
from tests.layer_contract import check_layer
from tests.layers import harness

DOWNSAMPLING = ("max_pool", "stride", None)


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def randomize(layer, seed=0):
    """Gives every weight and statistic of a built layer its own value."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        value = rng.normal(0, 0.5, weight.shape)
        # Variances are positive.
        weight.assign(np.exp(value) if "variance" in weight.path else value)
    return layer


def numpy_conv(x, kernel):
    """One step of time and one tap of the kernel at a time, all rows."""
    _, size, _, filters = kernel.shape
    y = np.zeros((*x.shape[:3], filters))
    for step in range(x.shape[2]):
        for tap in range(size):
            source = step + tap - (size - 1) // 2
            if 0 <= source < x.shape[2]:
                y[:, :, step] += x[:, :, source] @ kernel[0, tap]
    return y


def numpy_flow(x, layer, training=False):
    """Convolutions one after the other, and downsampling at the end."""
    weights = {
        tuple(weight.path.split("/")[-2:]): ops.convert_to_numpy(weight)
        for weight in layer.weights
    }
    for index in range(1, len(layer.convolutions) + 1):
        x = numpy_conv(x, weights.pop((f"conv_{index}", "kernel")))
        if layer.batch_norm:
            gamma, beta, mean, variance = (
                weights.pop((f"bn_{index}", name))
                for name in ("gamma", "beta", "moving_mean", "moving_variance")
            )
            if training:
                mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
            x = (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        else:
            x = x + weights.pop((f"conv_{index}", "bias"))
        x = np.maximum(x, 0)
    assert not weights  # a convolution has a bias or a normalization
    if layer.downsampling is None:
        return x
    size = layer.pool_size
    starts = range(0, x.shape[2] - size + 1, size)
    if layer.downsampling == "stride":
        # What the convolution gives at the middle of each window.
        return x[:, :, [start + (size - 1) // 2 for start in starts]]
    windows = [x[:, :, start : start + size].max(axis=2) for start in starts]
    return np.stack(windows, axis=2)


@pytest.mark.parametrize(
    "config, num_steps, weights",
    [
        ({"downsampling": "stride", "factorized": True}, 5, (6, 4)),
        ({"batch_norm": False, "kernel_size": 4, "pool_size": 3}, 3, (2, 0)),
    ],
)
def test_contract(config, num_steps, weights):
    check_layer(
        TemporalConv,
        {"filters": 3, **config},
        input_shape=(2, 4, 11, 2),
        expected_output_shape=(2, 4, num_steps, 3),
        expected_num_trainable_weights=weights[0],
        expected_num_non_trainable_weights=weights[1],
    )


@pytest.mark.parametrize("downsampling", DOWNSAMPLING)
def test_equals_numpy(downsampling):
    for kernel_size, pool_size, num_steps, factorized, batch_norm in (
        (5, 2, 9, False, True),
        (4, 3, 9, False, False),
        (5, 3, 11, False, True),
        (7, 2, 9, True, True),
    ):
        layer = TemporalConv(
            3, kernel_size, downsampling, pool_size, factorized, batch_norm
        )
        x = images(2, 5, num_steps, 2)
        layer.build(x.shape)
        expected = numpy_flow(x, randomize(layer))
        actual = ops.convert_to_numpy(layer(x))
        np.testing.assert_allclose(actual, expected, atol=1e-4)
        assert layer.compute_output_shape(x.shape) == expected.shape


def test_stack_reaches_as_far_as_the_kernel_it_replaces():
    for kernel_size, count in ((3, 1), (5, 2), (7, 3)):
        layer = TemporalConv(1, kernel_size, None, factorized=True)
        layer.build((1, 1, 25, 1))
        sizes = [tuple(c.kernel.shape[:2]) for c in layer.convolutions]
        assert sizes == [(1, 3)] * count
        for weight in layer.trainable_variables:
            weight.assign(np.ones(weight.shape))
        impulse = np.zeros((1, 1, 25, 1), "float32")
        silence = ops.convert_to_numpy(layer(impulse))
        impulse[0, 0, 12] = 1
        changed = ops.convert_to_numpy(layer(impulse)) != silence
        expected = np.abs(np.arange(25) - 12) <= kernel_size // 2
        np.testing.assert_array_equal(changed[0, 0, :, 0], expected)


def test_training_normalizes_by_the_batch():
    layer = TemporalConv(3, factorized=True)
    x = images(4, 5, 10, 2)
    layer.build(x.shape)
    randomize(layer)
    expected = numpy_flow(x, layer, training=True)
    before = ops.convert_to_numpy(layer.normalizations[0].moving_mean)
    actual = ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(actual, expected, atol=1e-4)
    kernel = ops.convert_to_numpy(layer.convolutions[0].kernel)
    mean = numpy_conv(x, kernel).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.normalizations[0].moving_mean),
        0.9 * before + 0.1 * mean,
        atol=1e-5,
    )


def test_normalization_is_before_relu():
    layer = TemporalConv(2, 3, None)
    layer.build((1, 4, 6, 1))
    y = ops.convert_to_numpy(layer(images(8, 4, 6, 1), training=True))
    # ReLU last leaves no negative value, and half of a centered channel.
    assert y.min() == 0
    assert 0.3 < np.mean(y > 0) < 0.7


def test_rows_share_weights_and_do_not_mix():
    layer = TemporalConv(3)
    x = images(2, 6, 11, 2)
    layer.build(x.shape)
    randomize(layer)
    order = [3, 1, 5, 0, 2, 4]
    y = ops.convert_to_numpy(layer(x))
    shuffled = ops.convert_to_numpy(layer(x[:, order]))
    np.testing.assert_allclose(shuffled, y[:, order], atol=1e-5)
    assert layer.convolutions[0].kernel.shape == (1, 5, 2, 3)


@pytest.mark.parametrize("downsampling", DOWNSAMPLING)
def test_sizes_unknown_until_called(downsampling):
    layer = TemporalConv(3, 5, downsampling)
    run = harness.without_sizes(layer, images(2, 5, 9, 2))
    randomize(layer)
    for rows, num_steps in ((1, 2), (5, 9)):
        x = images(2, rows, num_steps, 2)
        np.testing.assert_allclose(run(x), numpy_flow(x, layer), atol=1e-4)


@pytest.mark.parametrize("downsampling", ["max_pool", "stride"])
def test_gradients_arrive(downsampling):
    layer = TemporalConv(3, 5, downsampling)
    layer.build((2, 5, 9, 2))
    harness.assert_gradients_arrive(randomize(layer), images(2, 5, 9, 2))


def test_invalid_arguments():
    for config, received in (
        ({"filters": 0}, "filters=0"),
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"pool_size": 0}, "pool_size=0"),
        ({"downsampling": "average"}, "downsampling='average'"),
        ({"factorized": True, "kernel_size": 4}, "kernel_size=4"),
        ({"factorized": True, "kernel_size": 1}, "kernel_size=1"),
        ({"downsampling": "stride", "kernel_size": 1}, "pool_size=2"),
        # The kernels of 3 that replace one of 5 skip no more than 3 steps.
        (
            {"downsampling": "stride", "pool_size": 5, "factorized": True},
            "pool_size=5",
        ),
    ):
        with pytest.raises(ValueError, match=f"Received: {received}"):
            TemporalConv(**{"filters": 1, **config})


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="expected ndim=4"):
        TemporalConv(1)(np.zeros((2, 25, 1)))
    with pytest.raises(ValueError, match=r"\(None, 4, 25, None\)"):
        TemporalConv(1)(keras.Input((4, 25, None)))
    with pytest.raises(ValueError, match=r"2 steps.*\(2, 4, 1, 1\)"):
        TemporalConv(1)(np.zeros((2, 4, 1, 1)))
    kept = TemporalConv(1, downsampling=None)(np.zeros((2, 4, 1, 1)))
    assert kept.shape == (2, 4, 1, 1)
