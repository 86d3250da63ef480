"""The devices of a training: one, or several that share each batch."""

import contextlib

from keras_vidrec.layers import BatchNormalization
from keras_vidrec.specs import checks
from keras_vidrec.training import freezing


class Devices:
    """A single device, and the base class of several devices.

    Several replicas of a network get equal shares of each batch. Together they
    compute the same update as one device with the whole batch.

    Attributes:
        num_replicas: int. Number of devices that train, on all machines.
        num_workers: int. Number of processes, one per machine.
        worker: int. Number of this process, from 0.
    """

    num_replicas = 1
    num_workers = 1
    worker = 0

    @property
    def is_chief(self):
        """Whether this process writes the files of the run."""
        return self.worker == 0

    def share(self, batch_size):
        """Returns the number of clips of a batch that this process reads.

        Args:
            batch_size: int. Clips in a batch, over all devices.

        Raises:
            ValueError: if the devices do not divide the batch.
        """
        checks.check(
            batch_size % self.num_replicas == 0,
            "batch_size",
            "a batch that can be divided equally among all "
            f"{self.num_replicas} devices, such as "
            f"{-(-batch_size // self.num_replicas) * self.num_replicas} "
            "(reduce optimizer.accumulate in proportion to keep the number of "
            "clips per update, and set optimizer.sub_batch to keep that of "
            "batch normalization)",
            batch_size,
        )
        return batch_size // self.num_workers

    def scope(self):
        """Returns the context in which to build, compile and restore a
        model."""
        return contextlib.nullcontext()

    def prepare(self, model, optimizer):
        """Sets the clips over which batch normalization computes its statistics
        in training: the whole batch, or sub-batches of it.

        Without this, each replica would have its own moving statistics, and
        only those of the first would be saved. Frozen layers do not update
        statistics and are not changed.

        Args:
            model: keras.Model, with its frozen layers frozen, before `compile`.
            optimizer: section `Optimizer` of a recipe.

        Raises:
            ValueError: if sub-batches do not divide a device's share of the
                batch, or a layer does not support them.
        """
        self.share(optimizer.batch_size)
        for layer in freezing.batch_normalizations(model):
            if not layer.trainable:
                continue
            if optimizer.sub_batch is None:
                self._synchronize(layer)
            else:
                self._group(layer, optimizer.batch_size, optimizer.sub_batch)

    def trainable(self, model):
        """Returns the model on which to call `fit`: `model`, or another one
        with the same layers. Call it in `scope`, before `compile`."""
        return model

    def agree_on(self, position):
        """Checks that all workers start training at the same position.

        Args:
            position: tuple of int, epoch and step.

        Raises:
            ValueError: if they do not, because they have different backups.
        """

    def distribute(self, make):
        """Returns the data for `fit` on these devices.

        Args:
            make: callable that takes `shard`, `(worker, num_workers)`, and
                returns the `tf.data.Dataset` of this worker's part of each
                batch, as `data.pipeline.make` does.

        Returns:
            `tf.data.Dataset`, or a distributed dataset.
        """
        return make((self.worker, self.num_workers))

    def _clips_of_a_layer(self, batch_size):
        """The number of clips that a layer gets in one call."""
        return batch_size // self.num_replicas

    def _synchronize(self, layer):
        """Does nothing: one device has the whole batch."""

    def _group(self, layer, batch_size, sub_batch):
        """Makes a layer normalize sub-batches of `sub_batch` clips."""
        share = batch_size // self.num_replicas
        checks.check(
            share % sub_batch == 0,
            "sub_batch",
            f"a divisor of a device's share of the batch, {share} clips",
            sub_batch,
        )
        checks.check(
            isinstance(layer, BatchNormalization),
            "sub_batch",
            "none, or a network whose batch normalization supports "
            "sub-batches, keras_vidrec.layers.BatchNormalization, unlike "
            f"{layer.name!r}, a {type(layer).__module__}."
            f"{type(layer).__name__}",
            sub_batch,
        )
        layer.num_groups = self._clips_of_a_layer(batch_size) // sub_batch


def check_positions(positions):
    """Raises `ValueError` unless all workers start at the same position."""
    if any(position != positions[0] for position in positions):
        raise ValueError(
            "Expected all workers to begin with the same backup, in a run "
            "directory that they share. Received: (epoch, step) of the "
            f"workers={positions}"
        )


class Replicas(Devices):
    """The devices of a `tf.distribute.Strategy`, on one machine.

    Args:
        strategy: `tf.distribute.MirroredStrategy`.
    """

    def __init__(self, strategy):
        self.strategy = strategy
        self.num_replicas = strategy.num_replicas_in_sync

    def scope(self):
        return self.strategy.scope()

    def _synchronize(self, layer):
        if self.num_replicas > 1:
            layer.synchronized = True
