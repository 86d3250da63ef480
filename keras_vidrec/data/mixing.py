"""Mixes the clips and labels of a batch, as steps such as mixup do."""

import numpy as np
import tensorflow as tf

from keras_vidrec.data.augmentation import name_of
from keras_vidrec.specs import checks


def check(augmentation, batch_size: int, num_workers: int) -> None:
    """Refuses a batch size with which a worker reads an odd number of clips,
    if the augmentation mixes pairs of clips.

    Args:
        augmentation: `Augmentation`.
        batch_size: int. Clips in a batch of all workers together.
        num_workers: int.

    Raises:
        ValueError: naming the steps that mix clips.
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
    """Applies the steps of an augmentation that mix clips to batches.

    Pairs of neighboring clips are mixed. The random values depend only on the
    seed, the epoch and the position, not on the batch size or the number of
    workers.

    Args:
        dataset: `tf.data.Dataset` of batches `(inputs, label, epoch,
            position)`, from `data.pipeline`. Labels are class indices
            `(batch,)`, or 0 and 1 for each class, `(batch, classes)`.
        augmentation: `Augmentation`.
        seed: int.
        num_classes: int.

    Returns:
        `tf.data.Dataset` of `(inputs, label)`. Labels are float32 `(batch,
        classes)`, fractions of classes.
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
