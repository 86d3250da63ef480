"""From the sections `optimiser` and `schedule` of a recipe to a Keras
optimiser."""

import math

import keras

from keras_vidrec.training.optimizers import multipliers
from keras_vidrec.training.optimizers.caffe_arithmetic import CaffeArithmetic
from keras_vidrec.training.optimizers.caffe_sgd import CaffeSGD
from keras_vidrec.training.optimizers.loss_scale import LossScale


@keras.saving.register_keras_serializable(package="keras_vidrec")
class DecayedAdam(CaffeArithmetic, keras.optimizers.Adam):
    """Adam with the clipping, decay and multipliers of Caffe."""


@keras.saving.register_keras_serializable(package="keras_vidrec")
class DecayedRMSprop(CaffeArithmetic, keras.optimizers.RMSprop):
    """RMSprop with the clipping, decay and multipliers of Caffe."""


_KINDS = {"sgd": CaffeSGD, "adam": DecayedAdam, "rmsprop": DecayedRMSprop}


def num_epochs(schedule, optimiser, steps_per_epoch):
    """Epochs of a schedule; one given in steps is filled up to whole ones."""
    if schedule.epochs is not None:
        return schedule.epochs
    return math.ceil(schedule.steps * optimiser.accumulate / steps_per_epoch)


def real_learning_rate(optimiser):
    """The learning rate that training starts with, float: that of the recipe,
    or in proportion to the effective batch where the recipe says so."""
    rate = float(optimiser.learning_rate)  # a recipe may say 1
    if optimiser.scale_learning_rate:
        rate *= optimiser.effective_batch / optimiser.reference_batch
    return rate


def learning_rate(schedule, optimiser, steps_per_epoch):
    """The learning rate as a Keras schedule; as a float, which a callback may
    change, where it is constant or falls on a plateau.

    A boundary at step b means that step number b (from 0) is the first one
    with the smaller rate, as in Caffe.
    """
    start = real_learning_rate(optimiser)
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


def build(optimiser, schedule, steps_per_epoch, model):
    """A Keras optimiser. Call it under the dtype policy of the training.

    Args:
        optimiser: section `Optimiser` of a recipe.
        schedule: section `Schedule` of a recipe.
        steps_per_epoch: int. Batches in an epoch.
        model: keras.Model whose weights have the roles of the multipliers.

    Returns:
        `keras.optimizers.Optimizer`, with dynamic loss scaling around it
        under `mixed_float16`.

    Raises:
        ValueError: if a role with a multiplier is not found in the model.
    """
    accumulate = optimiser.accumulate
    common = {
        "global_clipnorm": optimiser.clip_norm,
        "clipvalue": optimiser.clip_value,
        "gradient_accumulation_steps": accumulate if accumulate > 1 else None,
        "learning_rate_multipliers": multipliers.by_pattern(
            model, optimiser.learning_rate_multipliers
        ),
        "decay_multipliers": multipliers.by_pattern(
            model, optimiser.decay_multipliers
        ),
    }
    if optimiser.name == "sgd":
        common["momentum"] = float(optimiser.momentum)
    built = _KINDS[optimiser.name](
        learning_rate(schedule, optimiser, steps_per_epoch),
        l2=optimiser.weight_decay,
        **common,
    )
    if keras.config.dtype_policy().name == "mixed_float16":
        return LossScale(built)
    return built
