"""Learning rates by the number of the update, beside those that Keras has."""

import math

import keras
from keras import ops

from keras_vidrec.specs import checks

_Schedule = keras.optimizers.schedules.LearningRateSchedule
# `"one_cycle"` begins with this part of its rate, as Smith and PyTorch have it.
_LOWEST = 1 / 25


@keras.saving.register_keras_serializable(package="keras_vidrec")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises to where another schedule starts.

    Update number u, from 0, has the rate `start + (1 - start) * (u + 1) /
    steps` times that of the schedule; the last one of the warm-up has all of
    it.

    Args:
        schedule: `LearningRateSchedule`, or float: a constant rate.
        steps: int. Updates of the warm-up.
        begins_after: bool. Whether the schedule begins after the warm-up; else
            it begins with it. Defaults to `False`.
        start: float in [0, 1). Defaults to `0.0`.
        cosine: bool. Whether it rises along half a cosine, whose first update
            has `start`, in place of even steps. Defaults to `False`.
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
    """Along half a cosine from a rate to a floor in so many updates."""
    return keras.optimizers.schedules.CosineDecay(
        rate, max(length, 1), alpha=floor / rate
    )


def one_cycle(rate, length, rising, floor):
    """Along half a cosine up to a rate in some of the updates, and down along
    another one to a floor.

    Args:
        rate: float. The highest.
        length: int. Updates of both.
        rising: int. Those of the first half.
        floor: float.
    """
    return WarmUp(
        cosine(rate, length - rising, floor),
        rising,
        begins_after=True,
        start=_LOWEST,
        cosine=True,
    )


# All others that Keras ships begin with `initial_learning_rate`.
_OWN_RATES = (keras.optimizers.schedules.PiecewiseConstantDecay,)


def of_keras(config, rate):
    """A schedule as Keras describes it. Nothing but what Keras ships, or what
    is registered with it, is looked up by the name of the class.

    Args:
        config: dict of `class_name` and `config`.
        rate: float, for its `initial_learning_rate`, which all but
            `PiecewiseConstantDecay` take, registered ones too.

    Raises:
        ArgumentError: if there is no such schedule, or its arguments are
            others.
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
