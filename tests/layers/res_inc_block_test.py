import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.res_inc_block import ResIncBlock
from tests.layer_contract import check_layer
from tests.layers import harness


def sequences(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def randomized(filters, features, seed=0, **kwargs):
    """A built block, every weight and statistic of it with its own value."""
    block = ResIncBlock(filters, **kwargs)
    block.build((None, None, features))
    rng = np.random.default_rng(seed)
    for weight in block.weights:
        value = rng.normal(0, 0.3, weight.shape)
        # Variances are positive.
        weight.assign(np.exp(value) if "variance" in weight.path else value)
    return block


def numpy_conv(x, kernel):
    """One step of time and one tap of the kernel at a time; an even kernel
    has one tap more after the step than before it."""
    size = len(kernel)
    y = np.zeros((*x.shape[:2], kernel.shape[-1]))
    for step in range(x.shape[1]):
        for tap in range(size):
            source = step + tap - (size - 1) // 2
            if 0 <= source < x.shape[1]:
                y[:, step] += x[:, source] @ kernel[tap]
    return y


def numpy_block(x, weights, training=False, sizes=(2, 3, 4, 5), reduces=False):
    """The block of figure 3, written out; the shortcut's weights are last,
    and those of a reduction before those of its kernel."""
    weights = list(weights)

    def conv_bn(x, size):
        kernel, gamma, beta, mean, variance = weights[:5]
        del weights[:5]
        assert len(kernel) == size
        y = numpy_conv(x, kernel)
        if training:
            mean, variance = y.mean(axis=(0, 1)), y.var(axis=(0, 1))
        return (y - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    residual = []
    for size in sizes:
        seen = np.maximum(conv_bn(x, 1), 0) if reduces else x
        residual.append(np.maximum(conv_bn(seen, size), 0))
    skip = conv_bn(x, 2)
    assert not weights
    return np.maximum(np.concatenate(residual, axis=-1) + skip, 0)


def weights_in_order(block):
    """Kernel, scale, offset, mean and variance of each branch by name."""
    values = {
        tuple(weight.path.split("/")[-2:]): ops.convert_to_numpy(weight)
        for weight in block.weights
    }
    names = []
    for size in block.kernel_sizes:
        if block.reduction:
            names.append((f"reduce_{size}", f"reduce_bn_{size}"))
        names.append((f"conv_{size}", f"bn_{size}"))
    ordered = []
    for convolution, normalization in [*names, ("skip_conv", "skip_bn")]:
        ordered.append(values.pop((convolution, "kernel")))
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            ordered.append(values.pop((normalization, name)))
    assert not values  # the convolutions have no bias
    return ordered


def test_contract():
    check_layer(
        ResIncBlock,
        {"filters": 8},
        input_shape=(3, 7, 6),
        expected_output_shape=(3, 7, 8),
        expected_num_trainable_weights=15,
        expected_num_non_trainable_weights=10,
    )


def test_contract_with_other_kernels_behind_reductions():
    check_layer(
        ResIncBlock,
        {"filters": 8, "kernel_sizes": (1, 3, 6), "reduction": 2},
        input_shape=(3, 7, 6),
        expected_output_shape=(3, 7, 8),
        expected_num_trainable_weights=21,
        expected_num_non_trainable_weights=14,
    )


def test_equals_numpy():
    block = randomized(8, 6)
    x = sequences(3, 7, 6)
    for training in (False, True):
        expected = numpy_block(x, weights_in_order(block), training)
        actual = ops.convert_to_numpy(block(x, training=training))
        np.testing.assert_allclose(actual, expected, atol=1e-4)
        assert 0.2 < np.mean(expected > 0) < 1  # ReLU cuts something


@pytest.mark.parametrize("reduction", [None, 6])
def test_other_kernels_equal_numpy(reduction):
    sizes = (6, 1, 3)
    block = randomized(23, 6, kernel_sizes=list(sizes), reduction=reduction)
    # The first ones have what is left over.
    filters = [layer.filters for layer in block.convolutions]
    assert filters == [8, 8, 7]
    x = sequences(3, 7, 6)
    for training in (False, True):
        expected = numpy_block(
            x, weights_in_order(block), training, sizes, bool(reduction)
        )
        actual = ops.convert_to_numpy(block(x, training=training))
        np.testing.assert_allclose(actual, expected, atol=1e-4)
    harness.assert_gradients_arrive(block, x)


def test_weights_of_the_paper():
    with keras.StatelessScope(initialize_variables=False):
        block = ResIncBlock(2048)
        block.build((None, 7, 2048))
    for convolution in (*block.convolutions, block.skip_convolution):
        initializer = convolution.kernel_initializer
        assert isinstance(initializer, keras.initializers.HeNormal)
    counts = {}
    for weight in block.weights:
        layer, name = weight.path.split("/")[-2:]
        kind = layer if name == "kernel" else name
        counts[kind] = counts.get(kind, 0) + math.prod(weight.shape)
    skip = counts.pop("skip_conv")
    assert skip == 8_388_608
    residual = [counts.pop(f"conv_{size}") for size in (2, 3, 4, 5)]
    assert sum(residual) == 14_680_064
    assert counts == dict.fromkeys(
        ("gamma", "beta", "moving_mean", "moving_variance"), 2 * 2048
    )


def test_number_of_steps_unknown_until_called():
    block = randomized(8, 6)
    run = harness.without_sizes(block, sequences(3, 7, 6))
    for num_steps in (1, 7):
        x = sequences(3, num_steps, 6)
        expected = numpy_block(x, weights_in_order(block))
        np.testing.assert_allclose(run(x), expected, atol=1e-4)


def test_gradients_arrive():
    harness.assert_gradients_arrive(randomized(8, 6), sequences(3, 7, 6))


def test_training_moves_the_statistics():
    block = randomized(8, 6)
    before = weights_in_order(block)
    x = sequences(3, 7, 6)
    block(x, training=True)
    moved = numpy_conv(x, before[0]).mean(axis=(0, 1))
    np.testing.assert_allclose(
        weights_in_order(block)[3], 0.9 * before[3] + 0.1 * moved, atol=1e-5
    )
    block.trainable = False
    after = weights_in_order(block)
    block(x, training=True)
    for value, same in zip(after, weights_in_order(block)):
        np.testing.assert_array_equal(value, same)


def test_invalid_arguments():
    for arguments, message in (
        ({"filters": 0}, "integer of at least 4. Received: filters=0"),
        ({"filters": 3}, "Received: filters=3"),
        ({"filters": 8.0}, "Received: filters=8.0"),
        ({"filters": 8, "kernel_sizes": ()}, "different positive integers"),
        ({"filters": 8, "kernel_sizes": (2, 2)}, r"kernel_sizes=\(2, 2\)"),
        ({"filters": 8, "kernel_sizes": 3}, "kernel_sizes=3"),
        ({"filters": 8, "reduction": 0}, "Received: reduction=0"),
    ):
        with pytest.raises(ValueError, match=message):
            ResIncBlock(**arguments)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="expected ndim=3"):
        ResIncBlock(4)(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\(None, 7, None\)"):
        ResIncBlock(4)(keras.Input((7, None)))
