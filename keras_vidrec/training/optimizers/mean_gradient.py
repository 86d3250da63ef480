"""The common base of this package's optimizers: an update depends only on the
mean gradient of the effective batch, however the batch is split."""

import re
import typing

import keras
import tensorflow as tf
from keras import ops

from keras_vidrec.specs import checks

if typing.TYPE_CHECKING:
    from keras.optimizers import Optimizer as _Base
else:
    _Base = object


class MeanGradient(_Base):
    """A mixin for Keras optimizers that updates weights by the mean gradient of
    the effective batch.

    An update has these steps:

    1. The gradients are summed over all replicas and over
       `gradient_accumulation_steps` batches, and divided by the number of
       batches: the mean over the effective batch. Weights do not change before.
    2. The mean is clipped, by its global norm or by element. (Keras clips the
       gradient of each replica separately.) The update is the same however a
       batch is split over devices or steps.
    3. `l2 * weight` is added, so the decay is part of the moments of the
       gradient. If `decays_apart`, `rate * l2 * weight` is subtracted from the
       weight instead, as with Keras' own `weight_decay`.
    4. The weight is updated by the rule of the optimizer, with the learning
       rate times the multiplier of the weight.
    5. The average of the weight is updated, if `average` is set.

    Caffe's bound of the norm is for the sum over `iter_size` batches: divide it
    by their number to get the bound for the mean.

    The keys of multipliers are regular expressions. One applies to all
    variables whose `path`, such as `conv1/kernel`, contains a match; a
    variable gets the product of all that apply.

    Accumulation works under every `tf.distribute.Strategy`. `iterations` counts
    updates, and a schedule is called with this number. (Keras uses the number
    of the batch.)

    Args:
        *args: Arguments of the optimizer.
        l2: float. Weight decay, not negative. Defaults to `0.0`.
        learning_rate_multipliers: `None`, or dict from regular expressions to
            non-negative numbers. Defaults to `None`: 1 for all.
        decay_multipliers: `None`, or dict of the same form: factors of `l2`.
            Defaults to `None`: 0 for vectors (biases, the weights of batch
            normalization), 1 for all others.
        average: `None`, or float in (0, 1): a moving average of each weight is
            stored, `average * old + (1 - average) * weight`, from the first
            update on. `swap_averages` exchanges the weights and the averages.
            (Keras' `use_ema` computes the same averages, and overwrites the
            weights with them at the end of each `fit`.) Defaults to `None`.
        **kwargs: Arguments of the optimizer, such as `global_clipnorm`,
            `clipvalue` and `gradient_accumulation_steps`.

    Raises:
        ValueError: if a multiplier is invalid, or for `weight_decay` and
            `use_ema`, which these optimizers do not support.
    """

    # Whether `apply` gets gradients that are already summed over the replicas.
    gradients_are_summed = False
    # Whether the decay is decoupled: not part of the moments of the gradient.
    decays_apart = False

    def __init__(
        self,
        *args: typing.Any,
        l2: float = 0.0,
        learning_rate_multipliers: dict[str, float] | None = None,
        decay_multipliers: dict[str, float] | None = None,
        average: float | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name in ("weight_decay", "use_ema"):
            if getattr(self, name):
                raise ValueError(
                    f"Invalid `{name}`. Expected it to be left out: weights "
                    "decay by `l2`, and `average` keeps an average of them. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        _check_number("l2", l2)
        _check_multipliers(
            "learning_rate_multipliers", learning_rate_multipliers
        )
        _check_multipliers("decay_multipliers", decay_multipliers)
        checks.check(
            average is None or checks.is_number(average) and 0 < average < 1,
            "average",
            "None or a number between 0 and 1",
            average,
        )
        self.l2 = l2
        self.average = average
        self.learning_rate_multipliers = learning_rate_multipliers
        self.decay_multipliers = decay_multipliers
        # During a step: None, or a bool tensor that is true if this step makes
        # an update, and does not only accumulate gradients.
        self._happens = None
        # Indices of the variables that are updated; `None` for all.
        self._moved: tuple[int, ...] | None = None

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        rates, decays = self.learning_rate_multipliers, self.decay_multipliers
        self._rates = tuple(_product(rates, v.path) for v in variables)
        self._decays = tuple(
            self.l2
            * (
                float(len(v.shape) > 1)
                if decays is None
                else _product(decays, v.path)
            )
            for v in variables
        )

        self._averages = []
        if self.average is not None:
            for variable in variables:
                average = self.add_variable_from_reference(
                    reference_variable=variable, name="average"
                )
                # So that the average of a variable that is not trained equals
                # the variable. A copy, because a step on JAX donates the memory
                # of both.
                average.assign(ops.copy(variable))
                self._averages.append(average)

    def swap_averages(self) -> None:
        """Exchanges the weights and their averages."""
        for variable, average in zip(self._trainable_variables, self._averages):
            weight = ops.convert_to_numpy(variable)
            variable.assign(ops.convert_to_numpy(average))
            average.assign(weight)

    def move_only(self, variables: list[keras.Variable]) -> None:
        """Restricts the following updates to some of the variables that the
        optimizer was built with.

        The other variables and their moments do not change, so a later phase of
        training can continue with them. Their accumulated gradients are reset.

        Args:
            variables: list of `keras.Variable`, in the order of the model.
        """
        moved = tuple(map(self._get_variable_index, variables))
        self._moved = moved
        if self.gradient_accumulation_steps:
            for index, total in enumerate(self._accumulated_gradients):
                if index not in moved:
                    total.assign(ops.zeros(total.shape, total.dtype))

    def stateless_apply(
        self, optimizer_variables: list, grads: list, trainable_variables: list
    ) -> tuple[list, list]:
        """As in Keras, but also for values of some of the variables, after
        `move_only`."""
        if self._moved is None:
            return super().stateless_apply(
                optimizer_variables, grads, trainable_variables
            )
        moved = [self._trainable_variables[index] for index in self._moved]
        values = [
            *zip(moved, trainable_variables, strict=True),
            *zip(self.variables, optimizer_variables, strict=True),
        ]
        with keras.StatelessScope(state_mapping=values) as scope:
            self.apply(grads, moved)
        return (
            [scope.get_current_value(variable) for variable in moved],
            [scope.get_current_value(variable) for variable in self.variables],
        )

    @property
    def last_learning_rate(self) -> float:
        """The learning rate of the last update, before multipliers; that of the
        first update if there was none."""
        return self._rate_at(ops.maximum(self.iterations - 1, 0))

    def _get_current_learning_rate(self):
        return self._rate_at(self.iterations)

    def _rate_at(self, update):
        schedules = keras.optimizers.schedules
        if isinstance(self._learning_rate, schedules.LearningRateSchedule):
            return self._learning_rate(update)
        return super()._get_current_learning_rate()

    def _backend_apply_gradients(self, grads, trainable_variables):
        if not self.gradients_are_summed:
            grads = summed(grads)
        rate = ops.convert_to_tensor(self.learning_rate)
        steps = self.gradient_accumulation_steps
        if not steps:
            tensors = [(g, rate) for g in self._clip_gradients(grads)]
        else:
            # `ops.where` instead of `cond`, in which a strategy cannot update
            # variables.
            last = ops.equal((self._iterations + 1) % steps, 0)
            sums = [
                grad + self._accumulated_gradients[self._get_variable_index(v)]
                for grad, v in zip(grads, trainable_variables)
            ]
            means = self._clip_gradients([total / steps for total in sums])
            tensors = [
                (mean, rate, total, last) for mean, total in zip(means, sums)
            ]
        _update_variables(self._update, trainable_variables, tensors)

    def _update(self, variable, gradient, rate, total=None, last=None):
        """Updates one variable.

        Args:
            variable: `keras.Variable`.
            gradient: tensor. Its clipped mean gradient.
            rate: scalar tensor. The learning rate.
            total: `None`, or tensor: the accumulated gradient.
            last: `None` (no accumulation), or bool tensor: whether this is the
                last step of an update.
        """
        index = self._get_variable_index(variable)
        if self._decays[index] and not self.decays_apart:
            gradient = gradient + self._decays[index] * ops.cast(
                variable, gradient.dtype
            )
        if self._rates[index] != 1:
            rate = rate * self._rates[index]
        if last is not None:
            self.assign(
                self._accumulated_gradients[index],
                ops.where(last, ops.zeros_like(total), total),
            )
        self._happens = last
        try:
            if self._decays[index] and self.decays_apart:
                decay = ops.cast(rate * self._decays[index], variable.dtype)
                self.assign_sub(variable, variable * decay)
            self.update_step(gradient, variable, rate)
            if self._averages:
                self._follow(self._averages[index], variable)
        finally:
            self._happens = None

    def _follow(self, average, variable):
        """Updates the average of a variable."""
        is_first = ops.equal(self.iterations, 0)
        kept = ops.where(is_first, 0.0, self.average)
        kept = ops.cast(kept, average.dtype)
        weight = ops.cast(variable, average.dtype)
        self.assign(average, kept * average + (1 - kept) * weight)

    # Keras' update steps change weights and moments only by these methods.

    def assign(self, variable: keras.Variable, value: typing.Any) -> typing.Any:
        super().assign(variable, self._if_it_happens(value, variable))

    def assign_add(
        self, variable: keras.Variable, value: typing.Any
    ) -> typing.Any:
        super().assign_add(variable, self._if_it_happens(value, 0))

    def assign_sub(
        self, variable: keras.Variable, value: typing.Any
    ) -> typing.Any:
        super().assign_sub(variable, self._if_it_happens(value, 0))

    def _if_it_happens(self, value, otherwise):
        if self._happens is None:
            return value
        # Either may be a variable, which `where` does not accept on JAX.
        value, otherwise = map(ops.convert_to_tensor, (value, otherwise))
        return ops.where(self._happens, value, otherwise)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "l2": self.l2,
            "average": self.average,
            "learning_rate_multipliers": _copy(self.learning_rate_multipliers),
            "decay_multipliers": _copy(self.decay_multipliers),
        }


def summed(gradients):
    """Sums gradients over all replicas.

    Args:
        gradients: list of tensors, or `None` for variables without a gradient.

    Returns:
        list of the same form; `gradients` itself without a strategy.
    """
    present = [gradient for gradient in gradients if gradient is not None]
    if not present or not tf.distribute.has_strategy():
        return gradients
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if gradient is None else next(sums) for gradient in gradients]


def _update_variables(function, variables, tensors):
    """Updates variables from values that are the same on all replicas.

    Args:
        function: callable that takes a variable and its tensors, and assigns
            variables. With a strategy it is called once per device.
        variables: list of `keras.Variable`.
        tensors: list of tuples of tensors, one for each variable. Every
            replica must have the same values.
    """
    if not tf.distribute.has_strategy():
        for variable, arguments in zip(variables, tensors, strict=True):
            function(variable, *arguments)
        return

    def on_all_devices(strategy, tensors):
        for variable, arguments in zip(variables, tensors, strict=True):
            strategy.extended.update(
                variable.value, function, args=arguments, group=False
            )

    tf.distribute.get_replica_context().merge_call(
        on_all_devices, args=(tensors,)
    )


def _product(multipliers: dict[str, float] | None, path: str) -> float:
    """The product of the multipliers that apply to a path."""
    product = 1.0
    for pattern, number in (multipliers or {}).items():
        if re.search(pattern, path):
            product *= number
    return product


def _copy(multipliers: dict[str, float] | None) -> dict[str, float] | None:
    # Keras wraps dicts that are attributes; a config needs plain ones.
    return None if multipliers is None else dict(multipliers)


def _check_multipliers(name, multipliers):
    if multipliers is None:
        return
    checks.check(
        isinstance(multipliers, dict),
        name,
        "a dict from regular expressions to numbers",
        multipliers,
    )
    for pattern, number in multipliers.items():
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise ValueError(
                f"Invalid `{name}`. Expected regular expressions as keys. "
                f"Received: {pattern!r}: {error}"
            ) from None
        _check_number(f"{name}[{pattern!r}]", number)


def _check_number(name, number):
    checks.check(
        checks.is_number(number) and 0 <= number < float("inf"),
        name,
        "a number of at least 0",
        number,
    )
