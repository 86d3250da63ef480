"""Clips of a batch that get something of each other, and their labels."""

import numpy as np
import tensorflow as tf

from keras_vidrec.data.augmentation import name_of
from keras_vidrec.specs import checks


def check(augmentation, batch_size, num_workers):
    """Refuses batches whose clips have no neighbor to be mixed with in the
    part that each worker reads.

    Raises:
        ValueError: naming the steps.
    """
    if augmentation.of_batches and batch_size // num_workers % 2:
        names = " and ".join(map(name_of, augmentation.of_batches))
        each = f" for each of {num_workers} workers" if num_workers > 1 else ""
        checks.check(
            False,
            "batch_size",
            f"an even number of clips{each}: {names} mixes pairs of a batch",
            batch_size,
        )


def mixed(dataset, augmentation, seed, num_classes):
    """Batches through the steps of an augmentation that mix clips.

    Two neighbors are mixed, by draws that are a function of seed, epoch and
    position: neither the size of batches nor the number of workers changes
    them.

    Args:
        dataset: `tf.data.Dataset` of `(inputs, label, epoch, position)`, of
            `data.pipeline`; labels are numbers of classes `(batch,)`, or
            shares of them `(batch, classes)`.
        augmentation: `Augmentation`.
        seed: int.
        num_classes: int.

    Returns:
        `tf.data.Dataset` of `(inputs, label)`; labels are float32 `(batch,
        classes)`, the share of each class.
    """

    def mix(epochs, positions, labels, *clips):
        rngs = [
            np.random.default_rng((seed, epoch, position, 2))
            for epoch, position in zip(epochs[::2], positions[::2])
        ]
        if labels.ndim == 1:
            labels = np.eye(num_classes, dtype=np.float32)[labels]
        labels = labels.astype(np.float32)
        clips, labels = augmentation.mix(clips, labels, rngs)
        return labels, *clips

    def load(inputs, label, epoch, position):
        clips = tf.nest.flatten(inputs)
        shares, *changed = tf.numpy_function(
            mix,
            [epoch, position, label, *clips],
            [tf.float32, *(clip.dtype for clip in clips)],
            stateful=False,
        )
        for clip, before in zip(changed, clips):
            clip.set_shape(before.shape)
        shares.set_shape((label.shape[0], num_classes))
        return tf.nest.pack_sequence_as(inputs, changed), shares

    return dataset.map(load, num_parallel_calls=2, deterministic=True)
