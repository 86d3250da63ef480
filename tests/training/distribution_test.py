import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.layers import BatchNormalization
from keras_vidrec.training import distribution
from keras_vidrec.training import freezing
from keras_vidrec.weights.copying import layers_by_path

pytestmark = pytest.mark.tensorflow_only


def nested_batch_norm():
    """A model, and its two batch normalisations."""
    one, two = BatchNormalization(), keras.layers.BatchNormalization()
    tower_input = keras.Input((4,))
    tower = keras.Model(tower_input, one(tower_input))
    inputs = keras.Input((4,))
    return keras.Model(inputs, two(tower(inputs))), (one, two)


def replicas(number):
    return types.SimpleNamespace(num_replicas_in_sync=number)


@pytest.mark.parametrize(
    "chosen, synchronized",
    [(None, False), (replicas(1), False), (replicas(2), True)],
)
def test_statistics_are_shared_by_several_replicas_only(chosen, synchronized):
    model, layers = nested_batch_norm()
    distribution.synchronize_batch_norm(model, chosen)
    assert [layer.synchronized for layer in layers] == [synchronized] * 2


def test_frozen_ones_have_nothing_to_share():
    model, (one, two) = nested_batch_norm()
    one.trainable = False
    distribution.synchronize_batch_norm(model, replicas(2))
    assert (one.synchronized, two.synchronized) == (False, True)


@pytest.mark.parametrize("gpus, several", [(0, False), (1, False), (2, True)])
def test_all_gpus_are_used_if_there_are_several(monkeypatch, gpus, several):
    devices = {"GPU": [f"GPU:{i}" for i in range(gpus)]}
    monkeypatch.setattr(tf.config, "list_logical_devices", devices.__getitem__)
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: "mirrored")
    assert distribution.strategy() == ("mirrored" if several else None)


def test_scope():
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for chosen, number in ((None, 1), (mirrored, 2)):
        with distribution.scope(chosen):
            current = tf.distribute.get_strategy()
            assert current.num_replicas_in_sync == number


def test_replicas_share_their_statistics():
    """Clip 1 on one device, clip 3 on the other: their mean is 2."""
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with distribution.scope(mirrored):
        inputs = keras.Input((2, 2, 1))
        layer = BatchNormalization(momentum=0.0)
        model = keras.Model(inputs, keras.layers.Flatten()(layer(inputs)))
        distribution.synchronize_batch_norm(model, mirrored)
        model.compile("sgd", "mse")
    values = tf.constant([1.0, 3.0])[:, None, None, None]
    images = tf.broadcast_to(values, (2, 2, 2, 1))
    data = tf.data.Dataset.from_tensors((images, tf.zeros((2, 4))))
    model.fit(data, verbose=0, shuffle=False)
    assert float(layer.moving_mean[0]) == pytest.approx(2)
    assert float(layer.moving_variance[0]) == pytest.approx(1)


def convolution(name):
    # A bias would have no gradient: normalisation takes it away.
    return keras.layers.Conv2D(3, 3, use_bias=False, name=name)


def weights_of(model):
    return {
        f"{path}/{number}": weight
        for path, layer in layers_by_path(model).items()
        for number, weight in enumerate(layer.get_weights())
    }


def two_streams():
    """Towers within towers: normalisations of both streams, two each."""
    inputs, features = {}, []
    for stream in ("rgb", "flow"):
        stem_input = keras.Input((6, 6, 2))
        x = convolution("conv1")(stem_input)
        x = BatchNormalization(momentum=0.5, name="bn1")(x)
        stem = keras.Model(stem_input, keras.layers.ReLU()(x), name="stem")
        tower_input = keras.Input((6, 6, 2))
        x = convolution("conv2")(stem(tower_input))
        x = BatchNormalization(momentum=0.5, name="bn2")(x)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
        tower = keras.Model(tower_input, x, name=f"{stream}_tower")
        inputs[stream] = keras.Input((6, 6, 2), name=stream)
        features.append(tower(inputs[stream]))
    x = keras.layers.Concatenate()(features)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))


@pytest.mark.parametrize(
    "partial", [True, pytest.param(False, marks=pytest.mark.large)]
)
def test_two_devices_train_as_one_does(tmp_path, partial):
    """Shares of a batch that differ a lot: the saved statistics, and all
    other weights, are those of one device that saw the whole batch."""
    rng = np.random.default_rng(0)
    offsets = np.repeat([-5, 5], 4)[:, None, None, None]
    images = {
        stream: (rng.normal(size=(8, 6, 6, 2)) + offsets).astype("float32")
        for stream in ("rgb", "flow")
    }
    labels = rng.integers(0, 2, 8)
    mirrored = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    found = []
    for chosen in (None, mirrored):
        with distribution.scope(chosen):
            model = two_streams()
            start = np.random.default_rng(1)
            model.set_weights(
                [start.uniform(0.5, 1, w.shape) for w in model.weights]
            )
            frozen = partial and freezing.partial_batch_norm(model)
            distribution.synchronize_batch_norm(model, chosen)
            model.compile(
                keras.optimizers.SGD(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
        before = weights_of(model)
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8)
        model.fit(data, epochs=3, verbose=0, shuffle=False)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        found.append(weights_of(loaded))
        for path, weight in found[-1].items():
            moved = (weight != before[path]).any()
            assert moved == (not frozen or "bn2" not in path), path
        free = [
            layer
            for layer in freezing.batch_normalizations(loaded)
            if layer.trainable
        ]
        assert len(free) == (2 if partial else 4)
        assert all(layer.synchronized == bool(chosen) for layer in free)
    alone, shared = found
    assert alone.keys() == shared.keys()
    for path, weight in alone.items():
        np.testing.assert_allclose(
            shared[path], weight, rtol=1e-4, atol=1e-5, err_msg=path
        )
