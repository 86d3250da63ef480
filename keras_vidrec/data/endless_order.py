"""The order of the videos of a training as a `tf.data.Dataset`."""

import numpy as np
import tensorflow as tf

# The largest int64: training never reaches this epoch.
_NO_END = np.iinfo(np.int64).max


def of(videos, length, batch_size, initial_epoch, shard):
    """Makes the endless dataset of the videos that a worker reads, epoch after
    epoch.

    Args:
        videos: `VideoOrder`.
        length: int. Number of clips in an epoch, a multiple of `batch_size`.
            The first videos of an epoch are repeated to fill its last batch.
        batch_size: int. Clips in a batch of all workers together.
        initial_epoch: int. The epoch with which it begins.
        shard: tuple of int, `(worker, num_workers)`.

    Returns:
        `tf.data.Dataset` of int64 scalars `(epoch, position, video)`.
    """
    positions = rows(length, batch_size, shard)

    def order(epoch):
        # `np.resize` repeats the videos from the beginning.
        return np.resize(videos(int(epoch)), length)[positions]

    def one_epoch(epoch):
        videos = tf.numpy_function(order, (epoch,), tf.int64, stateful=False)
        videos.set_shape(positions.shape)
        return tf.data.Dataset.from_tensor_slices(
            (tf.fill(positions.shape, epoch), positions, videos)
        )

    return tf.data.Dataset.range(initial_epoch, _NO_END).flat_map(one_epoch)


def rows(length: int, batch_size: int, shard: tuple[int, int]) -> np.ndarray:
    """Returns the positions in an epoch that a worker reads: int64 array.

    Takes the arguments of `of`."""
    worker, num_workers = shard
    positions = np.arange(length, dtype=np.int64)
    share = batch_size // num_workers
    return positions[positions % batch_size // share == worker]
