import itertools
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import batch_normalization
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.segments import FoldSegments
from keras_vidrec.layers.segments import UnfoldSegments

tensorflow_only = pytest.mark.tensorflow_only


def pair(shape, **kwargs):
    """Our layer and the Keras one, with equal random weights."""
    ours = BatchNormalization(**kwargs)
    theirs = keras.layers.BatchNormalization(**kwargs)
    rng = np.random.default_rng(1)
    for layer in (ours, theirs):
        layer.build(shape)
    values = [rng.uniform(0.5, 2, w.shape) for w in ours.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    return ours, theirs


def step(layer, x, weights):
    """Outputs of a training step and the gradients of their weighted sum."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(tf.cast(y, "float32") * weights)
    variables = [v.value for v in layer.trainable_variables]
    return y, tape.gradient(loss, [x, *variables])


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


def small_network(layer, **kwargs):
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, name="conv"),
            layer(momentum=0.5, name="bn_1", **kwargs),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(2, name="dense"),
        ]
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


@pytest.mark.parametrize(
    "shape, kwargs",
    [
        ((24, 3, 2, 5), {}),
        ((24, 3, 2, 5), {"scale": False, "axis": 3}),
        ((24, 4, 5), {"center": False, "epsilon": 1e-5}),
        ((24, 5), {}),
    ],
)
def test_groups_are_normalized_alone(shape, kwargs):
    layer, _ = pair(shape, momentum=0.9, **kwargs)
    layer.num_groups = 3
    gamma = ops.convert_to_numpy(layer.gamma) if layer.scale else 1
    beta = ops.convert_to_numpy(layer.beta) if layer.center else 0
    rng = np.random.default_rng(0)
    moving = [ops.convert_to_numpy(w) for w in layer.non_trainable_variables]
    for _ in range(3):
        # Neighbors have much in common, and are far from the others.
        x = rng.normal(np.repeat([-5.0, 1.0, 20.0], 8), 2, shape[::-1]).T
        x = x.astype("float32")
        groups = x.astype("float64").reshape(3, -1, 5)
        mean = groups.mean(axis=1, keepdims=True)
        variance = groups.var(axis=1, keepdims=True)
        expected = gamma * (groups - mean) / np.sqrt(variance + layer.epsilon)
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(x, training=True)),
            (expected + beta).reshape(shape),
            atol=1e-5,
        )
        moving = [
            0.9 * before + 0.1 * groups_moments.mean(axis=(0, 1))
            for before, groups_moments in zip(moving, (mean, variance))
        ]
    for variable, expected in zip(layer.non_trainable_variables, moving):
        np.testing.assert_allclose(
            ops.convert_to_numpy(variable), expected, rtol=1e-5
        )
    ungrouped, _ = pair(shape, **kwargs)
    ungrouped.set_weights(layer.get_weights())
    for trainable in (True, False):
        layer.trainable = trainable
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(x, training=not trainable)),
            ops.convert_to_numpy(ungrouped(x, training=False)),
            atol=1e-5,
        )


@tensorflow_only
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("compiled", [False, True, "xla"])
def test_gradients_of_groups(policy, compiled):
    import tensorflow as tf

    shape = (6, 3, 2, 5)
    ours, theirs = pair(shape, dtype=policy, momentum=0.9)
    ours.num_groups = 3
    run = step
    if compiled:
        run = tf.function(step, jit_compile=compiled == "xla")
    rng = np.random.default_rng(0)
    x = ops.cast(rng.normal(1, 3, shape), ours.compute_dtype)
    weights = rng.normal(size=shape).astype("float32")
    start = theirs.get_weights()
    outputs, inputs_gradients, gradients, moved = [], [], [], []
    for part in np.split(np.arange(6), 3):
        theirs.set_weights(start)
        y, (of_inputs, *of_weights) = step(
            theirs, tf.gather(x, part), weights[part]
        )
        outputs.append(y)
        inputs_gradients.append(of_inputs)
        gradients.append(of_weights)
        moved.append(theirs.get_weights())
    y, (of_inputs, *of_weights) = run(ours, x, weights)
    tolerance = 1e-5 if policy == "float32" else 4e-2
    for a, b in (
        (y, tf.concat(outputs, 0)),
        (of_inputs, tf.concat(inputs_gradients, 0)),
    ):
        assert a.dtype == b.dtype == ours.compute_dtype
        np.testing.assert_allclose(
            ops.cast(a, "float32"), ops.cast(b, "float32"), atol=tolerance
        )
    for a, *parts in zip(of_weights, *gradients, strict=True):
        np.testing.assert_allclose(a, sum(parts), atol=tolerance)
    for a, *parts in zip(ours.get_weights(), *moved, strict=True):
        np.testing.assert_allclose(a, np.mean(parts, axis=0), rtol=1e-5)


def trained_for_a_step(clips, labels, num_groups, eager=True, **kwargs):
    """The weights of a network over clips of 3 snippets, before and after."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((3, 6, 6, 3))
    x = FoldSegments()(inputs)
    for number in (1, 2):
        x = keras.layers.Conv2D(4, 3, name=f"conv_{number}")(x)
        x = BatchNormalization(num_groups=num_groups, **kwargs)(x)
        x = keras.layers.Activation("relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = UnfoldSegments()(keras.layers.Dense(2)(x), inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))
    model.compile(
        keras.optimizers.SGD(0.5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=eager,
    )
    before = model.get_weights()
    model.fit(clips, labels, batch_size=len(clips), shuffle=False, verbose=0)
    return before, model.get_weights()


def unequal_clips():
    rng = np.random.default_rng(0)
    means = np.arange(8.0)[:, None, None, None, None]
    clips = rng.normal(means, 1 + means, (8, 3, 6, 6, 3)).astype("float32")
    return clips, np.array([0, 1, 1, 0, 0, 1, 0, 1])


def test_groups_equal_accumulated_sub_batches():
    clips, labels = unequal_clips()
    _, grouped = trained_for_a_step(clips, labels, num_groups=4)
    before, whole = trained_for_a_step(clips, labels, num_groups=None)
    # A step of SGD is linear in its gradient: the mean of the weights is that
    # of the gradients.
    parts = [
        trained_for_a_step(clips[i : i + 2], labels[i : i + 2], None)[1]
        for i in range(0, 8, 2)
    ]
    for number, (found, *expected) in enumerate(zip(grouped, *parts)):
        np.testing.assert_allclose(
            found, np.mean(expected, axis=0), atol=1e-5, rtol=1e-5
        )
        assert not np.array_equal(found, before[number])
    assert not np.allclose(grouped[0], whole[0], atol=1e-3)


@tensorflow_only
@pytest.mark.parametrize("num_groups, synchronized", [(1, False), (2, True)])
def test_groups_of_several_replicas(num_groups, synchronized):
    import tensorflow as tf

    clips, labels = unequal_clips()
    _, expected = trained_for_a_step(clips, labels, 2 * num_groups)
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        _, found = trained_for_a_step(
            clips, labels, num_groups, eager=False, synchronized=synchronized
        )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


def test_groups_survive_saving(tmp_path):
    model = small_network(BatchNormalization, num_groups=4)
    path = tmp_path / "model.keras"
    model.save(path)
    assert keras.saving.load_model(path).get_layer("bn_1").num_groups == 4
    older = keras.layers.BatchNormalization(name="bn").get_config()
    assert BatchNormalization.from_config(older).num_groups is None


def test_what_cannot_be_grouped():
    for number in (0, 1.5, True):
        with pytest.raises(ValueError, match=f"num_groups={number}"):
            BatchNormalization(num_groups=number)
    layer = BatchNormalization(num_groups=4, name="bn")
    x = np.ones((6, 2, 2, 3))
    layer(x)  # inference has no groups
    with pytest.raises(
        ValueError, match=r"num_groups=4, inputs.shape=\(6, 2, 2, 3\).*'bn'"
    ):
        layer(x, training=True)
    x = np.ones((8, 2, 2, 3))
    with pytest.raises(ValueError, match="masked=True"):
        layer(x, training=True, mask=ops.ones((8, 2, 2), "bool"))
    for kwargs in ({"axis": 1}, {"renorm": True}):
        name, value = next(iter(kwargs.items()))
        layer = BatchNormalization(num_groups=4, **kwargs)
        with pytest.raises(ValueError, match=f"num_groups=4.*{name}={value}"):
            layer(x, training=True)


@tensorflow_only
def test_groups_of_a_batch_of_unknown_size():
    import tensorflow as tf

    layer = BatchNormalization(num_groups=2)
    layer.build((None, 4, 4, 3))
    run = tf.function(
        lambda x: layer(x, training=True),
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    x = np.random.default_rng(0).normal(1, 2, (4, 4, 4, 3)).astype("float32")
    y = run(x)
    np.testing.assert_allclose(y, layer(x, training=True), atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="reshape"):
        run(x[:3])
