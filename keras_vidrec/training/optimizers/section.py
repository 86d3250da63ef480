"""Makes a Keras optimizer from the sections `optimizer` and `schedule` of a
recipe."""

import itertools
import math

import keras

from keras_vidrec.specs import checks
from keras_vidrec.training.optimizers import multipliers
from keras_vidrec.training.optimizers import schedules
from keras_vidrec.training.optimizers.shipped import SHIPPED
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
    **SHIPPED,
}
# Share of the updates of a one-cycle schedule in which the rate rises.
_RISING = 0.3


def num_epochs(schedule, optimizer, steps_per_epoch):
    """Returns the number of epochs of a schedule, over all phases. A number of
    steps is rounded up to whole epochs."""
    if schedule.phases:
        return sum(phase.epochs for phase in schedule.phases)
    if schedule.epochs is not None:
        return schedule.epochs
    return math.ceil(schedule.steps * optimizer.accumulate / steps_per_epoch)


def published_rates(schedule, optimizer):
    """Returns the learning rates of a recipe, as a tuple of float: that at the
    start of training, and one for each further phase."""
    rates = [float(optimizer.learning_rate)]  # a recipe may have an int
    for phase in schedule.phases[1:]:
        rates.append(float(phase.learning_rate or rates[-1]))
    return tuple(rates)


def learning_rates(schedule, optimizer):
    """Returns the learning rates as `published_rates`, but in proportion to the
    effective batch if the recipe sets `optimizer.scale_learning_rate`."""
    rates = published_rates(schedule, optimizer)
    if not optimizer.scale_learning_rate:
        return rates
    factor = optimizer.effective_batch / optimizer.reference_batch
    return tuple(rate * factor for rate in rates)


def learning_rate(schedule, optimizer, steps_per_epoch):
    """Returns the learning rate as a Keras schedule, or as a float, which a
    callback can change, if it is constant or falls on a plateau.

    The schedule is called with the number of the update, so it does not depend
    on how a batch is split. With a boundary at step b, update b (from 0) is the
    first with the lower rate, as in Caffe. With a boundary at an epoch, or at
    the start of a phase, it is the first update that ends in this epoch.

    Args:
        schedule: section `Schedule` of a recipe.
        optimizer: section `Optimizer` of the recipe.
        steps_per_epoch: int. Batches in an epoch.

    Raises:
        ArgumentError: if the warm-up is not shorter than the training, or the
            config of a Keras schedule is invalid.
    """
    start, *later = learning_rates(schedule, optimizer)
    floor = schedule.min_learning_rate

    def of_epochs(number):
        return number * steps_per_epoch // optimizer.accumulate

    length = schedule.steps or of_epochs(
        num_epochs(schedule, optimizer, steps_per_epoch)
    )
    rises = _warmup(schedule, of_epochs)
    checks.check(
        rises < max(length, 1),
        "schedule.warmup",
        f"fewer updates than the {length} of the training, not {rises}",
        schedule.warmup,
    )
    if schedule.kind == "one_cycle":
        rises = rises or max(round(_RISING * length), 1)
        return schedules.one_cycle(start, length, rises, floor)
    if schedule.kind == "cosine":
        rate = schedules.cosine(start, length - rises, floor)
    elif schedule.kind == "keras":
        with checks.inside("schedule."):
            rate = schedules.of_keras(schedule.config, start)
    else:
        rate = _stepwise(schedule, start, later, of_epochs)
    if not rises:
        return rate
    begins_after = schedule.kind in ("cosine", "keras")
    return schedules.WarmUp(rate, rises, begins_after)


def _stepwise(schedule, start, later, of_epochs):
    """A piecewise constant schedule, or a float if the rate is constant."""
    if schedule.kind == "step":
        later = [
            start * schedule.factor**i
            for i in range(1, len(schedule.boundaries) + 1)
        ]
    if all(rate == start for rate in later):
        return start
    lengths = (phase.epochs for phase in schedule.phases[:-1])
    boundaries = schedule.boundaries or itertools.accumulate(lengths)
    if schedule.steps is None:
        boundaries = map(of_epochs, boundaries)
    # Keras keeps the old value at the boundary itself.
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        [boundary - 1 for boundary in boundaries], [start, *later]
    )


def _warmup(schedule, of_epochs):
    """The number of updates of the warm-up, 0 without one."""
    if schedule.warmup is None:
        return 0
    number, unit = schedule.warmup.split()
    number = int(number)
    return max(of_epochs(number), 1) if unit.startswith("epoch") else number


def build(optimizer, schedule, steps_per_epoch, model):
    """Makes a Keras optimizer. Call it under the dtype policy of the training.

    Args:
        optimizer: section `Optimizer` of a recipe.
        schedule: section `Schedule` of a recipe.
        steps_per_epoch: int. Batches in an epoch.
        model: keras.Model that is trained, for the multipliers of its weights.

    Returns:
        `keras.optimizers.Optimizer`, with dynamic loss scaling around it
        under `mixed_float16`.

    Raises:
        ValueError: if a role with a multiplier is not found in the model, or
            as for `learning_rate`.
    """
    accumulate = optimizer.accumulate
    common = {
        "global_clipnorm": optimizer.clip_norm,
        "clipvalue": optimizer.clip_value,
        "gradient_accumulation_steps": accumulate if accumulate > 1 else None,
        "average": optimizer.ema,
        "learning_rate_multipliers": {
            **multipliers.by_pattern(
                model, optimizer.learning_rate_multipliers
            ),
            **multipliers.by_depth(model, optimizer.layer_decay),
        },
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
