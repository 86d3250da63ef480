"""Batch normalization whose groups of a batch are normalized alone."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.segments import FoldSegments
from keras_vidrec.layers.segments import UnfoldSegments
from tests.layers.batch_norm_pair import pair
from tests.layers.batch_norm_pair import small_network
from tests.layers.batch_norm_pair import step

tensorflow_only = pytest.mark.tensorflow_only


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
