"""Training on all the devices of one machine."""

import contextlib

import keras
import tensorflow as tf

from keras_vidrec.training import freezing


def strategy():
    """`tf.distribute.MirroredStrategy` over all GPUs if there are several,
    else `None` (one device, or another backend than TensorFlow)."""
    if keras.backend.backend() != "tensorflow":
        return None
    if len(tf.config.list_logical_devices("GPU")) < 2:
        return None
    return tf.distribute.MirroredStrategy()


def scope(chosen):
    """The context to build and compile a model in."""
    return contextlib.nullcontext() if chosen is None else chosen.scope()


def synchronize_batch_norm(model, chosen):
    """Makes the replicas share their batch statistics.

    Otherwise each replica keeps moving statistics of its own and only the
    first one's are saved: another model than the one in memory. Frozen layers
    have none to share and stay as they are.

    Args:
        model: keras.Model, with its frozen layers frozen, before `compile`.
        chosen: `None` or a `tf.distribute.Strategy`.
    """
    if chosen is None or chosen.num_replicas_in_sync < 2:
        return
    for layer in freezing.batch_normalizations(model):
        if layer.trainable:
            layer.synchronized = True
