import itertools
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import batch_normalization
from keras_vidrec.layers.batch_normalization import BatchNormalization
from tests.layers.batch_norm_pair import pair
from tests.layers.batch_norm_pair import small_network
from tests.layers.batch_norm_pair import step

tensorflow_only = pytest.mark.tensorflow_only


# Compiled: with all, and with nothing that may be left out.
CHANGED = [
    {"momentum": 0.9, "epsilon": 1e-7},
    {"scale": False, "center": False, "axis": 3},
]


@tensorflow_only
@pytest.mark.parametrize(
    "kwargs, compiled",
    [
        ({}, False),
        ({"scale": False}, False),
        ({"center": False}, False),
        *itertools.product(CHANGED, (False, True, "xla")),
    ],
)
def test_equals_keras_in_training(kwargs, compiled, monkeypatch):
    import tensorflow as tf

    shape = (2, 2, 2, 5)  # n = 8: the kernel's variance is 8/7 too large
    ours, theirs = pair(shape, **kwargs)
    fused = []
    kernel = tf.raw_ops.FusedBatchNormV3
    monkeypatch.setattr(
        tf.raw_ops,
        "FusedBatchNormV3",
        lambda **kwargs: fused.append(1) or kernel(**kwargs),
    )
    run = step
    if compiled:
        run = tf.function(
            step, jit_compile=compiled == "xla", reduce_retracing=True
        )
    rng = np.random.default_rng(0)
    weights = rng.normal(size=shape).astype("float32")
    for _ in range(5):
        x = rng.normal(1, 3, shape).astype("float32")
        y, gradients = run(ours, x, weights)
        expected, expected_gradients = step(theirs, x, weights)
        np.testing.assert_allclose(y, expected, atol=2e-6)
        for a, b in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert fused


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="PyTorch's kernel"
)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "kwargs",
    [
        *CHANGED,
        {"trainable": False},
        {"center": False, "dtype": "mixed_bfloat16"},
    ],
)
def test_equals_keras_on_torch(kwargs, training, monkeypatch):
    import torch

    kernel, fused = torch.nn.functional.batch_norm, []
    monkeypatch.setattr(
        torch.nn.functional,
        "batch_norm",
        lambda *args, **kwargs: fused.append(1) or kernel(*args, **kwargs),
    )
    shape = (2, 2, 2, 5)  # n = 8: the kernel's variance is 8/7 too large
    layers = pair(shape, **kwargs)
    rng = np.random.default_rng(0)
    for _ in range(3):
        values = rng.normal(1, 3, shape)
        weights = ops.convert_to_tensor(rng.normal(size=shape), "float32")
        found = []
        for layer in layers:
            x = ops.convert_to_tensor(values, "float32").requires_grad_()
            y = layer(ops.cast(x, layer.compute_dtype), training=training)
            variables = [v.value for v in layer.trainable_variables]
            loss = ops.sum(ops.cast(y, "float32") * weights)
            found.append((y, *torch.autograd.grad(loss, [x, *variables])))
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(ours).astype("float32"),
                ops.convert_to_numpy(theirs).astype("float32"),
                atol=1e-5,
            )
    ours, theirs = layers
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert len(fused) == 3


@tensorflow_only
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"scale": False, "epsilon": 1e-7},
        {"center": False},
        {"synchronized": True},
        {"dtype": "mixed_float16"},
    ],
)
@pytest.mark.parametrize("compiled", [False, "xla"])
def test_equals_keras_in_inference(kwargs, compiled):
    import tensorflow as tf

    def infer(layer, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.cast(layer(x, training=False), "float32")
            loss = tf.reduce_sum(y**2)
        variables = [v.value for v in layer.trainable_variables]
        return y, tape.gradient(loss, [x, *variables])

    shape = (2, 3, 3, 5)
    ours, theirs = pair(shape, **kwargs)
    before = ours.get_weights()
    x = np.random.default_rng(0).normal(1, 3, shape)
    x = tf.constant(x.astype(ours.compute_dtype))
    run = tf.function(infer, jit_compile=True) if compiled else infer
    y, gradients = run(ours, x)
    expected, expected_gradients = infer(theirs, x)
    tolerance = 2e-2 if x.dtype == "float16" else 5e-6
    for a, b in zip(
        [y, *gradients], [expected, *expected_gradients], strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    for a, b in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@tensorflow_only
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_equals_keras_in_half_precision(policy):
    shape = (2, 2, 2, 5)
    ours, theirs = pair(shape, dtype=policy, momentum=0.9)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=shape).astype("float32")
    tolerance = 4e-3 if policy == "mixed_float16" else 4e-2
    for _ in range(5):
        x = ops.cast(rng.normal(1, 3, shape), ours.compute_dtype)
        y, gradients = step(ours, x, weights)
        expected, expected_gradients = step(theirs, x, weights)
        assert y.dtype == expected.dtype == ours.compute_dtype
        for a, b in zip(
            [y, *gradients], [expected, *expected_gradients], strict=True
        ):
            np.testing.assert_allclose(
                ops.cast(a, "float32"), ops.cast(b, "float32"), atol=tolerance
            )
    for a, b in zip(
        ours.non_trainable_variables, theirs.non_trainable_variables
    ):
        assert a.dtype == "float32"
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6)


def test_a_single_value_has_no_variance():
    ours, theirs = pair((1, 1, 1, 4))
    x = np.random.default_rng(0).normal(size=(1, 1, 1, 4))
    for _ in range(5):
        np.testing.assert_allclose(
            ops.convert_to_numpy(ours(x, training=True)),
            ops.convert_to_numpy(theirs(x, training=True)),
            atol=1e-6,
        )
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    "shape, kwargs",
    [
        ((6, 4), {}),
        ((3, 5, 4), {}),
        ((2, 3, 2, 2, 4), {}),
        ((2, 4, 3, 3), {"axis": 1}),
        ((2, 3, 3, 4), {"dtype": "float64"}),
        ((2, 3, 3, 4), {"trainable": False}),
        ((2, 3, 3, 4), {"renorm": True}),
    ],
)
def test_falls_back_to_keras(shape, kwargs):
    if kwargs.get("dtype") == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 by default")
    ours, theirs = pair(shape, **kwargs)
    x = np.random.default_rng(0).normal(1, 2, shape)
    before = ours.get_weights()
    for training in (True, False):
        np.testing.assert_allclose(
            ops.convert_to_numpy(ours(x, training=training)),
            ops.convert_to_numpy(theirs(x, training=training)),
            atol=1e-6,
        )
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    moved = not np.array_equal(before[-1], ours.get_weights()[-1])
    assert moved == kwargs.get("trainable", True)


def test_mask_excludes_values():
    ours, theirs = pair((2, 3, 3, 4))
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("float32")
    mask = np.zeros((2, 3, 3), "bool")
    mask[:, :2] = True
    y = ours(x, training=True, mask=ops.convert_to_tensor(mask))
    expected = theirs(x, training=True, mask=ops.convert_to_tensor(mask))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(y), ops.convert_to_numpy(expected)
    )


# Keras 3.15's own saving code warns with NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_fit_save_and_load(tmp_path):
    x = np.random.default_rng(0).normal(size=(8, 6, 6, 3))
    y = np.zeros(8, "int32")
    predictions = []
    for layer in (BatchNormalization, keras.layers.BatchNormalization):
        keras.utils.set_random_seed(3)
        model = small_network(layer)
        model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            run_eagerly=layer is not BatchNormalization,
        )
        model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0)
        path = tmp_path / f"{layer.__module__}.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        assert type(loaded.layers[1]) is layer
        predictions.append(model.predict(x, verbose=0))
        np.testing.assert_allclose(
            predictions[-1], ops.convert_to_numpy(loaded(x)), atol=1e-6
        )
    np.testing.assert_allclose(*predictions, atol=1e-5)


@tensorflow_only
@pytest.mark.parametrize("synchronized", [False, True])
def test_mirrored_strategy(synchronized):
    import tensorflow as tf

    # Both replicas see the same values, so all layers must agree.
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    x = np.concatenate([x, x])
    y = np.zeros(8, "int32")
    weights = []
    for layer in (BatchNormalization, keras.layers.BatchNormalization):
        strategy = tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"],
            # Collectives of a second strategy collide with the first one's.
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
        with strategy.scope():
            keras.utils.set_random_seed(3)
            model = small_network(layer, synchronized=synchronized)
            model.compile(
                "sgd",
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_synchronized_config_loads_on_every_backend():
    config = keras.layers.BatchNormalization(name="bn").get_config()
    config["synchronized"] = True
    batch_normalization._warn_unsynchronized.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        layers = [BatchNormalization.from_config(config) for _ in range(2)]
    on_tensorflow = keras.backend.backend() == "tensorflow"
    assert [layer.synchronized for layer in layers] == [on_tensorflow] * 2
    assert config["synchronized"]
    if on_tensorflow:
        assert not caught
    else:
        (warning,) = caught
        assert "synchronized=True" in str(warning.message)
