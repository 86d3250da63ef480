"""Learning rate schedules that Keras does not have."""

import math

import keras
from keras import ops

from keras_vidrec.specs import checks

_Schedule = keras.optimizers.schedules.LearningRateSchedule
# `"one_cycle"` starts with this fraction of its rate, as in Smith's paper and
# PyTorch.
_LOWEST = 1 / 25


@keras.saving.register_keras_serializable(package="keras_vidrec")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule with a warm-up.

    In update u of the warm-up, counted from 0, the rate of the schedule is
    multiplied by `start + (1 - start) * (u + 1) / steps`, which is 1 in its
    last update.

    Args:
        schedule: `LearningRateSchedule`, or float: a constant rate.
        steps: int. Updates of the warm-up.
        begins_after: bool. Whether the schedule starts after the warm-up
            instead of with it. Defaults to `False`.
        start: float in [0, 1). Factor at the start. Defaults to `0.0`.
        cosine: bool. Whether the factor rises along half a cosine, from `start`
            in the first update, instead of linearly. Defaults to `False`.
    """

    def __init__(
        self, schedule, steps, begins_after=False, start=0.0, cosine=False
    ):
        super().__init__()
        checks.count("steps", steps)
        if isinstance(schedule, dict):
            schedule = keras.saving.deserialize_keras_object(schedule)
        self.schedule = schedule
        self.steps = steps
        self.begins_after = begins_after
        self.start = start
        self.cosine = cosine

    def __call__(self, step):
        step = ops.cast(step, "float32")
        if self.cosine:
            risen = 0.5 - 0.5 * ops.cos(
                math.pi * ops.minimum(step / self.steps, 1.0)
            )
        else:
            risen = ops.minimum((step + 1) / self.steps, 1.0)
        rate = self.schedule
        if isinstance(rate, _Schedule):
            passed = step
            if self.begins_after:
                passed = ops.maximum(step - self.steps, 0.0)
            rate = rate(passed)
        return (self.start + (1 - self.start) * risen) * rate

    def get_config(self):
        schedule = self.schedule
        if isinstance(schedule, _Schedule):
            schedule = keras.saving.serialize_keras_object(schedule)
        return {
            "schedule": schedule,
            "steps": self.steps,
            "begins_after": self.begins_after,
            "start": self.start,
            "cosine": self.cosine,
        }


def cosine(rate, length, floor):
    """Returns a schedule that falls along half a cosine, from `rate` to `floor`
    in `length` updates."""
    return keras.optimizers.schedules.CosineDecay(
        rate, max(length, 1), alpha=floor / rate
    )


def one_cycle(rate, length, rising, floor):
    """Returns a schedule that rises along half a cosine, and then falls along
    another one.

    Args:
        rate: float. The highest rate.
        length: int. Number of updates of the schedule.
        rising: int. Number of updates in which the rate rises.
        floor: float. The rate at the end.
    """
    return WarmUp(
        cosine(rate, length - rising, floor),
        rising,
        begins_after=True,
        start=_LOWEST,
        cosine=True,
    )


# Keras' other schedules have an argument `initial_learning_rate`.
_OWN_RATES = (keras.optimizers.schedules.PiecewiseConstantDecay,)


def of_keras(config, rate):
    """Makes a Keras schedule from its config. Only Keras' own schedules and
    registered classes are allowed.

    Args:
        config: dict with `class_name`, and optionally `config`.
        rate: float. The `initial_learning_rate`, an argument that all schedules
            except `PiecewiseConstantDecay` must have.

    Returns:
        `LearningRateSchedule`.

    Raises:
        ArgumentError: if there is no such schedule, or its arguments are
            invalid.
    """
    name, arguments = config["class_name"], dict(config.get("config", {}))
    kind = vars(keras.optimizers.schedules).get(name)
    kind = kind or keras.saving.get_registered_object(name)
    known = isinstance(kind, type) and issubclass(kind, _Schedule)
    shipped = [
        one
        for one, found in sorted(vars(keras.optimizers.schedules).items())
        if isinstance(found, type) and found is not _Schedule
    ]
    checks.check(
        known and kind is not _Schedule,
        "config.class_name",
        f"one of {tuple(shipped)}, or a registered schedule",
        name,
    )
    if kind not in _OWN_RATES:
        checks.check(
            "initial_learning_rate" not in arguments,
            "config.config.initial_learning_rate",
            "it to be left out: optimizer.learning_rate sets it",
            arguments.get("initial_learning_rate"),
        )
        arguments["initial_learning_rate"] = rate
    try:
        return kind.from_config(arguments)
    except (TypeError, ValueError) as error:
        raise checks.ArgumentError(
            "config.config", f"the arguments of {name} ({error})", arguments
        ) from None
