"""Training on several devices and machines with JAX."""

import os

import keras
import numpy as np

from keras_vidrec.training.devices.devices import Devices
from keras_vidrec.training.devices.devices import check_positions

VARIABLES = (
    "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    "KERAS_DISTRIBUTION_NUM_PROCESSES",
    "KERAS_DISTRIBUTION_PROCESS_ID",
)


class DataParallel(Devices):
    """All devices of the JAX backend, on one machine or on several.

    Several machines are connected by Keras' environment variables:
    `KERAS_DISTRIBUTION_JOB_ADDRESSES` (the `host:port` of the first machine is
    enough), `KERAS_DISTRIBUTION_NUM_PROCESSES` and
    `KERAS_DISTRIBUTION_PROCESS_ID` (from 0). Batch normalization uses the whole
    batch, because JAX compiles one program for all devices.

    Raises:
        ValueError: if some of the variables are missing or malformed.
    """

    def __init__(self):
        if any(name in os.environ for name in VARIABLES):
            _check_variables()
            keras.distribution.initialize()
        self._distribution = keras.distribution.DataParallel(
            # `distribute` already gives each process only its own part.
            auto_shard_dataset=False
        )
        self.num_replicas = self._distribution.num_model_replicas
        self.num_workers = self._distribution.num_processes
        self.worker = self._distribution.data_shard_id

    def scope(self):
        return self._distribution.scope()

    def trainable(self, model):
        trained = _DataParallelModel(model.input, model.output, name=model.name)
        trained.distribution = self._distribution
        return trained

    def agree_on(self, position):
        from jax.experimental import multihost_utils

        everyone = multihost_utils.process_allgather(np.array([position]))
        check_positions(everyone.reshape(-1, len(position)).tolist())

    def _clips_of_a_layer(self, batch_size):
        return batch_size


class _DataParallelModel(keras.Model):
    """A functional model that sets the distribution during `fit` and
    `evaluate`.

    The distribution is global in Keras. If it stayed set, predictions of other
    networks would be distributed too.
    """

    def fit(self, *args, **kwargs):
        with self.distribution.scope():
            return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        with self.distribution.scope():
            return super().evaluate(*args, **kwargs)


def _check_variables() -> None:
    values = {name: os.environ.get(name, "") for name in VARIABLES}
    addresses, processes, process = values.values()
    if (
        not addresses
        or not processes.isdecimal()
        or not process.isdecimal()
        or int(process) >= int(processes)
    ):
        raise ValueError(
            "Expected host:port of the first process, the number of processes "
            "and that of this one, from 0, in the environment variables "
            f"{VARIABLES}. Received: {tuple(values.values())}"
        )
