import keras
import pytest
import tensorflow as tf

from keras_vidrec.training.devices import distribution
from keras_vidrec.training.devices.devices import Devices
from keras_vidrec.training.devices.devices import Replicas

pytestmark = pytest.mark.tensorflow_only


class Mirrored:
    """Instead of a strategy of GPUs, of which there are none here."""

    num_replicas_in_sync = 2


@pytest.mark.parametrize("gpus, several", [(0, False), (1, False), (2, True)])
def test_all_gpus_are_used_if_there_are_several(monkeypatch, gpus, several):
    devices = {"GPU": [f"GPU:{i}" for i in range(gpus)], "CPU": ["CPU:0"]}
    monkeypatch.setattr(tf.config, "list_logical_devices", devices.__getitem__)
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", Mirrored)
    for name in ("auto", "mirrored"):
        chosen = distribution.choose(name)
        assert type(chosen) is (Replicas if several else Devices)
        assert chosen.num_replicas == (2 if several else 1)
    assert type(distribution.choose("none")) is Devices


def test_pytorch_takes_one_device(monkeypatch):
    """Whatever TensorFlow, which reads for it, sees."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: [1, 2])
    assert type(distribution.choose()) is Devices


def test_two_processors_are_mirrored_where_asked_for():
    assert distribution.choose().num_replicas == 1
    mirrored = distribution.choose("mirrored")
    assert (mirrored.num_replicas, mirrored.num_workers) == (2, 1)
    for devices, number in ((mirrored, 2), (distribution.choose("none"), 1)):
        assert devices.is_chief
        with devices.scope():
            current = tf.distribute.get_strategy()
            assert current.num_replicas_in_sync == number


@pytest.mark.parametrize(
    "backend, name, message",
    [
        ("tensorflow", "all", "Expected one of .*distribute='all'"),
        ("tensorflow", "data-parallel", "KERAS_BACKEND=jax. Received: tens"),
        ("jax", "mirrored", "KERAS_BACKEND=tensorflow. Received: jax"),
        ("jax", "multi-worker", "KERAS_BACKEND=tensorflow. Received: jax"),
        ("torch", "data-parallel", "KERAS_BACKEND=jax. Received: torch"),
    ],
)
def test_what_cannot_be_chosen(monkeypatch, backend, name, message):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ValueError, match=message):
        distribution.choose(name)
