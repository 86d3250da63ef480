import types

import keras
import pytest
import tensorflow as tf

from keras_vidrec.layers import BatchNormalization
from keras_vidrec.training import distribution

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
