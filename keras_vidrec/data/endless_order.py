"""The order of the videos of a training as a `tf.data.Dataset`."""

import numpy as np
import tensorflow as tf

# Epochs are numbered in int64; no training gets there.
_NO_END = np.iinfo(np.int64).max


def of(videos, length, batch_size, initial_epoch, shard):
    """Videos of epoch after epoch, as one of several workers reads them.

    Args:
        videos: `VideoOrder`.
        length: int. Places of an epoch, in whole batches: it is filled up with
            its first videos.
        batch_size: int. Clips in a batch, of all workers.
        initial_epoch: int. To begin with.
        shard: tuple of int, `(worker, num_workers)`.

    Returns:
        `tf.data.Dataset` of `(epoch, position, video)`, int64, without end.
    """
    positions = rows(length, batch_size, shard)

    def order(epoch):
        # Repeats from the beginning.
        return np.resize(videos(int(epoch)), length)[positions]

    def one_epoch(epoch):
        videos = tf.numpy_function(order, (epoch,), tf.int64, stateful=False)
        videos.set_shape(positions.shape)
        return tf.data.Dataset.from_tensor_slices(
            (tf.fill(positions.shape, epoch), positions, videos)
        )

    return tf.data.Dataset.range(initial_epoch, _NO_END).flat_map(one_epoch)


def rows(length, batch_size, shard):
    """Positions below `length` that a worker reads, int64 array; arguments as
    of `of`."""
    worker, num_workers = shard
    positions = np.arange(length, dtype=np.int64)
    share = batch_size // num_workers
    return positions[positions % batch_size // share == worker]
