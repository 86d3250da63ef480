"""From the sections `optimiser` and `schedule` of a recipe to a Keras
optimiser."""

import math

import keras

from keras_vidrec.training.caffe_sgd import CaffeSGD
from keras_vidrec.training.caffe_sgd import KernelDecay


class DecayedAdam(KernelDecay, keras.optimizers.Adam):
    """Adam with the weight decay of Caffe."""


class DecayedRMSprop(KernelDecay, keras.optimizers.RMSprop):
    """RMSprop with the weight decay of Caffe."""


_KINDS = {"sgd": CaffeSGD, "adam": DecayedAdam, "rmsprop": DecayedRMSprop}


def num_epochs(schedule, optimiser, steps_per_epoch):
    """Epochs of a schedule; one given in steps is filled up to whole ones."""
    if schedule.epochs is not None:
        return schedule.epochs
    return math.ceil(schedule.steps * optimiser.accumulate / steps_per_epoch)


def learning_rate(schedule, optimiser, steps_per_epoch):
    """The learning rate as a float or a Keras schedule.

    A boundary at step b means that step number b (from 0) is the first one
    with the smaller rate, as in Caffe.
    """
    start = float(optimiser.learning_rate)  # a recipe may say 1
    # Keras asks its schedules for the rate by the number of the batch, also
    # where the gradients of several batches make one step.
    unit = optimiser.accumulate if schedule.epochs is None else steps_per_epoch
    if schedule.kind == "step":
        # Keras keeps the old value at the boundary itself.
        return keras.optimizers.schedules.PiecewiseConstantDecay(
            [boundary * unit - 1 for boundary in schedule.boundaries],
            [
                start * schedule.factor**i
                for i in range(len(schedule.boundaries) + 1)
            ],
        )
    if schedule.kind == "cosine":
        length = schedule.steps or schedule.epochs
        return keras.optimizers.schedules.CosineDecay(start, length * unit)
    return start


def build(optimiser, schedule, steps_per_epoch):
    """A Keras optimiser.

    Args:
        optimiser: section `Optimiser` of a recipe.
        schedule: section `Schedule` of a recipe.
        steps_per_epoch: int. Batches in an epoch.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    rate = learning_rate(schedule, optimiser, steps_per_epoch)
    accumulate = optimiser.accumulate
    # Caffe compares the threshold with the sum of the accumulated gradients,
    # Keras with their mean.
    clip_norm = optimiser.clip_norm and optimiser.clip_norm / accumulate
    clip_value = optimiser.clip_value and optimiser.clip_value / accumulate
    common = {
        "global_clipnorm": clip_norm,
        "clipvalue": clip_value,
        "gradient_accumulation_steps": accumulate if accumulate > 1 else None,
    }
    if optimiser.name == "sgd":
        common["momentum"] = float(optimiser.momentum)
    return _KINDS[optimiser.name](rate, l2=optimiser.weight_decay, **common)
