"""Copies of a network on all devices of a machine, which share its inputs."""

import collections.abc
import concurrent.futures
import itertools
import threading

import keras
import numpy as np


def accelerators() -> list:
    """The GPUs or TPUs of this machine that predictions are distributed over,
    as a list of the backend's devices. Empty if there is only one, or on
    PyTorch."""
    backend = keras.backend.backend()
    found = []
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_logical_devices("GPU")
    elif backend == "jax":
        import jax

        found = [d for d in jax.local_devices() if d.platform != "cpu"]
    return found if len(found) > 1 else []


class Replicas:
    """A network with a copy on each of several devices. Several threads may
    call it.

    Args:
        model: keras.Model. With several devices it is copied: later changes of
            its weights have no effect.
        devices: `None` (`accelerators()`), or list of devices of the backend.
            With fewer than two, the network itself is used. Defaults to `None`.

    Attributes:
        input: the input of the model.
        num_devices: int. Number of devices that compute.
    """

    def __init__(self, model: keras.Model, devices: list | None = None):
        devices = accelerators() if devices is None else devices
        self.input = model.input
        self._calls = [model.predict_on_batch]
        if len(devices) > 1:
            backend = keras.backend.backend()
            on = {"tensorflow": _on_tensorflow, "jax": _on_jax}[backend]
            self._calls = [on(model, device) for device in devices]
        # Keras compiles a network in its first call, so threads must not call
        # it at the same time.
        self._locks = [threading.Lock() for _ in self._calls]
        self.num_devices = len(self._calls)

    def each(self, batches):
        """Yields the output for each batch, in order. Each device computes one
        batch at a time.

        Args:
            batches: iterable of inputs of the model.
        """
        if self.num_devices == 1:
            for batch in batches:
                yield self._ask(0, batch)
            return
        batches = iter(batches)
        with concurrent.futures.ThreadPoolExecutor(self.num_devices) as pool:
            while some := list(itertools.islice(batches, self.num_devices)):
                yield from pool.map(self._ask, range(len(some)), some)

    def _ask(self, number, batch):
        with self._locks[number]:
            return self._calls[number](batch)


def _on_tensorflow(model: keras.Model, device) -> collections.abc.Callable:
    """A function that computes the outputs of a copy of a model on a device."""
    import tensorflow as tf

    with tf.device(device.name):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())

    @tf.function(reduce_retracing=True)
    def compiled(inputs):
        return copy(inputs, training=False)

    def call(inputs):
        with tf.device(device.name):
            return np.asarray(compiled(inputs))

    return call


def _on_jax(model: keras.Model, device) -> collections.abc.Callable:
    """A function that computes the outputs of a copy of a model on a device."""
    import jax

    state = [
        [jax.device_put(variable.value, device) for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
        )
    ]

    @jax.jit
    def compiled(trainable, others, inputs):
        outputs, _ = model.stateless_call(
            trainable, others, inputs, training=False
        )
        return outputs

    def call(inputs):
        inputs = jax.device_put(inputs, device)
        return np.asarray(compiled(*state, inputs))

    return call
