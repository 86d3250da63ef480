"""From the sections `optimizer` and `schedule` of a recipe to a Keras
optimizer."""

import itertools
import math

import keras

from keras_vidrec.training.optimizers import multipliers
from keras_vidrec.training.optimizers.solvers import CaffeSGD
from keras_vidrec.training.optimizers.solvers import DecayedAdam
from keras_vidrec.training.optimizers.solvers import DecayedRMSprop
from keras_vidrec.training.optimizers.solvers import LossScale
from keras_vidrec.training.optimizers.solvers import MatConvNetSGD
from keras_vidrec.training.optimizers.solvers import TorchSGD

_KINDS = {
    "sgd": CaffeSGD,
    "sgd_matconvnet": MatConvNetSGD,
    "sgd_torch": TorchSGD,
    "adam": DecayedAdam,
    "rmsprop": DecayedRMSprop,
}


def num_epochs(schedule, optimizer, steps_per_epoch):
    """Epochs of a schedule, of all its phases; one given in steps is filled up
    to whole ones."""
    if schedule.phases:
        return sum(phase.epochs for phase in schedule.phases)
    if schedule.epochs is not None:
        return schedule.epochs
    return math.ceil(schedule.steps * optimizer.accumulate / steps_per_epoch)


def published_rates(schedule, optimizer):
    """The learning rates that a recipe names, tuple of float: that training
    starts with, and one for each further phase."""
    rates = [float(optimizer.learning_rate)]  # a recipe may say 1
    for phase in schedule.phases[1:]:
        rates.append(float(phase.learning_rate or rates[-1]))
    return tuple(rates)


def learning_rates(schedule, optimizer):
    """Those that training starts with, and has in each further phase: as the
    recipe names them, or in proportion to the effective batch where it says
    so."""
    rates = published_rates(schedule, optimizer)
    if not optimizer.scale_learning_rate:
        return rates
    factor = optimizer.effective_batch / optimizer.reference_batch
    return tuple(rate * factor for rate in rates)


def learning_rate(schedule, optimizer, steps_per_epoch):
    """The learning rate as a Keras schedule; as a float, which a callback may
    change, where it is constant or falls on a plateau.

    The schedule is asked by the number of the update, so that it does not
    depend on how a batch is split. A boundary at step b means that update
    number b (from 0) is the first one with the smaller rate, as in Caffe; one
    at an epoch, or at the begin of a phase, the first update that ends in this
    epoch.
    """
    start, *later = learning_rates(schedule, optimizer)

    def updates(length):
        if schedule.steps is not None:
            return length
        return length * steps_per_epoch // optimizer.accumulate

    if schedule.kind == "step":
        later = [
            start * schedule.factor**i
            for i in range(1, len(schedule.boundaries) + 1)
        ]
    if later:
        lengths = (phase.epochs for phase in schedule.phases[:-1])
        boundaries = schedule.boundaries or itertools.accumulate(lengths)
        # Keras keeps the old value at the boundary itself.
        return keras.optimizers.schedules.PiecewiseConstantDecay(
            [updates(boundary) - 1 for boundary in boundaries],
            [start, *later],
        )
    if schedule.kind == "cosine":
        length = updates(schedule.steps or schedule.epochs)
        return keras.optimizers.schedules.CosineDecay(start, max(length, 1))
    return start


def build(optimizer, schedule, steps_per_epoch, model):
    """A Keras optimizer. Call it under the dtype policy of the training.

    Args:
        optimizer: section `Optimizer` of a recipe.
        schedule: section `Schedule` of a recipe.
        steps_per_epoch: int. Batches in an epoch.
        model: keras.Model whose weights have the roles of the multipliers.

    Returns:
        `keras.optimizers.Optimizer`, with dynamic loss scaling around it
        under `mixed_float16`.

    Raises:
        ValueError: if a role with a multiplier is not found in the model.
    """
    accumulate = optimizer.accumulate
    common = {
        "global_clipnorm": optimizer.clip_norm,
        "clipvalue": optimizer.clip_value,
        "gradient_accumulation_steps": accumulate if accumulate > 1 else None,
        "learning_rate_multipliers": multipliers.by_pattern(
            model, optimizer.learning_rate_multipliers
        ),
        "decay_multipliers": multipliers.by_pattern(
            model, optimizer.decay_multipliers
        ),
    }
    if optimizer.name.startswith("sgd"):
        common["momentum"] = float(optimizer.momentum)
    if optimizer.name == "sgd_torch":
        common["nesterov"] = optimizer.nesterov
    if optimizer.name == "sgd_matconvnet":
        common["steps_per_epoch"] = steps_per_epoch
    built = _KINDS[optimizer.name](
        learning_rate(schedule, optimizer, steps_per_epoch),
        l2=optimizer.weight_decay,
        **common,
    )
    if keras.config.dtype_policy().name == "mixed_float16":
        return LossScale(built)
    return built
