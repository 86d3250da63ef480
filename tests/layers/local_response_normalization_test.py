import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.local_response_normalization import (
    LocalResponseNormalization,
)
from tests.layer_contract import check_layer

VGG_M = {"bias": 2.0}
GOOGLENET = {"alpha": 1e-4 / 5}
STRONG = {"radius": 3, "bias": 0.5, "alpha": 0.01, "beta": 0.5}


def normalize(x, radius=2, bias=1.0, alpha=1e-4, beta=0.75):
    """The formula, channel by channel."""
    x = np.asarray(x, "float64")
    y = np.empty_like(x)
    for channel in range(x.shape[-1]):
        window = x[..., max(0, channel - radius) : channel + radius + 1]
        energy = np.square(window).sum(-1)
        y[..., channel] = x[..., channel] / (bias + alpha * energy) ** beta
    return y


def activations(*shape):
    return np.random.default_rng(0).normal(0, 200, shape).astype("float32")


def test_contract():
    check_layer(
        LocalResponseNormalization,
        STRONG,
        input_shape=(2, 5, 4, 7),
        expected_output_shape=(2, 5, 4, 7),
        expected_num_trainable_weights=0,
        expected_num_non_trainable_weights=0,
    )


@pytest.mark.parametrize("config", [{}, VGG_M, GOOGLENET, STRONG])
@pytest.mark.parametrize("shape", [(3, 8), (2, 5, 4, 9), (1, 2, 3, 3, 2)])
def test_is_the_formula(config, shape):
    x = activations(*shape)
    y = LocalResponseNormalization(**config)(x)
    np.testing.assert_allclose(
        ops.convert_to_numpy(y), normalize(x, **config), rtol=1e-5
    )


def test_sizes_may_be_unknown():
    inputs = keras.Input((None, None, 6))
    model = keras.Model(inputs, LocalResponseNormalization(**VGG_M)(inputs))
    assert model.output.shape == (None, None, None, 6)
    x = activations(2, 3, 5, 6)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), normalize(x, **VGG_M), rtol=1e-5
    )


@pytest.mark.tensorflow_only
@pytest.mark.parametrize("config", [VGG_M, GOOGLENET, STRONG])
def test_is_the_operation_of_tensorflow(config):
    import tensorflow as tf

    layer = LocalResponseNormalization(**config)
    x = tf.constant(activations(2, 6, 5, 12))
    weights = tf.constant(activations(2, 6, 5, 12)[::-1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = layer(x)
        theirs = tf.nn.lrn(x, layer.radius, layer.bias, layer.alpha, layer.beta)
        our_loss = tf.reduce_sum(ours * weights)
        their_loss = tf.reduce_sum(theirs * weights)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    expected = tape.gradient(their_loss, x)
    np.testing.assert_allclose(
        tape.gradient(our_loss, x),
        expected,
        rtol=1e-4,
        atol=1e-5 * np.abs(expected).max(),
    )


def test_squares_beyond_float16():
    x = np.full((1, 2, 2, 8), 4000.0)  # its square is 16 million
    layer = LocalResponseNormalization(dtype="mixed_float16", **VGG_M)
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(y), normalize(x, **VGG_M), rtol=2e-3
    )


@pytest.mark.parametrize(
    "kwargs, received",
    [
        ({"radius": -1}, "radius=-1"),
        ({"radius": 2.0}, "radius=2.0"),
        ({"bias": 0}, "bias=0"),
        ({"alpha": -1.0}, "alpha=-1.0"),
        ({"beta": float("nan")}, "beta=nan"),
    ],
)
def test_invalid_arguments(kwargs, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        LocalResponseNormalization(**kwargs)


def test_unknown_channels():
    with pytest.raises(ValueError, match="Received: input_shape=.*None"):
        LocalResponseNormalization()(keras.Input((4, 4, None)))
