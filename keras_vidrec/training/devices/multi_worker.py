"""Training on several machines with TensorFlow.

Keras' `fit` does not run under `MultiWorkerMirroredStrategy` (keras-team/keras
issue 20585). This module contains the workaround; a test fails when it is no
longer needed.
"""

import contextlib
import os

import keras
import tensorflow as tf

from keras_vidrec.specs import documents
from keras_vidrec.training.devices.devices import Replicas
from keras_vidrec.training.devices.devices import check_positions

_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, "task": '
    '{"type": "worker", "index": 0}}, the index being each machine\'s own'
)

# Errors of collective operations when a worker is missing.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class WorkerLost(RuntimeError):
    """Another worker has ended, or cannot be reached."""


class MultiWorker(Replicas):
    """All GPUs (or the CPU) of several machines, with one process each.

    The environment variable `TF_CONFIG` lists the machines. The constructor
    waits until all processes have started.

    Raises:
        ValueError: if `TF_CONFIG` is missing or malformed.
    """

    def __init__(self):
        self.worker, self.num_workers = read_tf_config()
        super().__init__(tf.distribute.MultiWorkerMirroredStrategy())
        # All workers have the same number of batches, so they do not have to
        # agree before each step whether there is another batch.
        self.strategy.extended.experimental_enable_get_next_as_optional = False

    def trainable(self, model):
        return _MultiWorkerModel(model.input, model.output, name=model.name)

    @contextlib.contextmanager
    def scope(self):
        # Creating variables copies the chief's values to all workers.
        with _lost_workers(), super().scope():
            yield

    def agree_on(self, position):
        @tf.function
        def gather():
            return self.strategy.run(
                lambda: tf.distribute.get_replica_context().all_gather(
                    tf.constant([position], tf.int64), axis=0
                )
            )

        with _lost_workers():
            positions = self.strategy.experimental_local_results(gather())
        check_positions(positions[0].numpy().tolist())

    def distribute(self, make):
        local_replicas = self.num_replicas // self.num_workers

        def of_worker(_context):
            dataset = super(MultiWorker, self).distribute(make)
            if local_replicas == 1:
                return dataset
            share = tf.nest.flatten(dataset.element_spec)[0].shape[0]
            return dataset.rebatch(share // local_replicas)

        return self.strategy.distribute_datasets_from_function(of_worker)


def read_tf_config():
    """Reads the number of this worker from `TF_CONFIG`.

    Returns:
        Tuple of int: the number of this worker, 0 for the chief, and the number
        of workers.

    Raises:
        ValueError: if the environment variable `TF_CONFIG` is missing or
            malformed.
    """
    text = os.environ.get("TF_CONFIG")
    try:
        config = documents.parse_json(text or "")
        cluster, task = config["cluster"], config["task"]
        workers = [
            (job, index)
            for job in ("chief", "worker")
            for index, address in enumerate(cluster.get(job, ()))
            if address.rsplit(":", 1)[1].isdecimal()
        ]
        if len(workers) != sum(map(len, cluster.values())):
            raise ValueError
        return workers.index((task["type"], task["index"])), len(workers)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            "Expected the environment variable TF_CONFIG to name all workers "
            f"and this one, such as {_EXAMPLE}. Received: TF_CONFIG={text}"
        ) from None


class _MultiWorkerModel(keras.Model):
    """A functional model that can be fit and evaluated on several machines.

    Its data must come from `MultiWorker.distribute`.
    """

    def fit(self, *args, **kwargs):
        with _lost_workers():
            return super().fit(*args, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras concatenates the batches of the replicas with an operation that
        # this strategy does not support.
        spec = tf.nest.map_structure(
            lambda spec: getattr(spec, "_value_specs", [spec])[0],
            iterator._get_iterator().element_spec,
        )
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=spec)

    def _make_function(self, step_function):
        # Keras reduces the logs along their first axis, which scalars do not
        # have.
        strategy = self.distribute_strategy

        @tf.function(reduce_retracing=True, autograph=False)
        def step(data):
            logs = strategy.run(step_function, args=(data,))
            return tf.nest.map_structure(
                lambda value: strategy.reduce("MEAN", value, axis=None), logs
            )

        return lambda iterator: step(next(iterator))


@contextlib.contextmanager
def _lost_workers():
    """A context that raises `WorkerLost` if another worker is missing."""
    try:
        yield
    except _LOST as error:
        reason = (
            str(error).split("aborted by: ")[-1].split("Additional GRPC")[0]
        )
        raise WorkerLost(
            "Training stopped: another worker has ended, or cannot be "
            "reached. Run the same command on all machines again to resume "
            "from the last backup. Received: "
            f"{' '.join(reason.split())[:200]}"
        ) from error
