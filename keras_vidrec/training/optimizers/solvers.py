"""Optimizers that compute the same updates as the programs of the papers."""

import typing

import keras
from keras import ops

from keras_vidrec.specs import checks
from keras_vidrec.training.optimizers.mean_gradient import MeanGradient
from keras_vidrec.training.optimizers.mean_gradient import summed


@keras.saving.register_keras_serializable(package="keras_vidrec")
class CaffeSGD(MeanGradient, keras.optimizers.SGD):
    """Stochastic gradient descent as Caffe's solver does it.

    With the learning rate r and its multiplier a, the momentum m, the decay
    multiplier d, the clipped gradient g and its velocity v, a weight w does
    `v = m v + a r (g + d l2 w)`, then `w = w - v`.

    g is the mean gradient of the effective batch, over all replicas of a
    `tf.distribute.Strategy` and all `gradient_accumulation_steps`, and
    `global_clipnorm` bounds this mean. Caffe's `clip_gradients` bounds the
    mean over the devices of the sum over `iter_size` batches: divide it by
    `iter_size`.

    Args:
        learning_rate: float or a Keras schedule.
        momentum: float in [0, 1). Defaults to `0.9`.
        l2: float. Weight decay, `5e-4` in most of the papers. Defaults to
            `0.0`.
        learning_rate_multipliers: `None`, or dict from regular expressions,
            searched in the `path` of a variable, to numbers: `lr_mult`. A
            variable takes the product of all that match, so
            `{"^conv1/": 5, "/bias$": 2}` gives 10 to the bias of `conv1`.
            Defaults to `None`.
        decay_multipliers: `None`, or dict of the same form: `decay_mult`.
            Defaults to `None`: 0 for vectors (biases, the weights of batch
            normalization), 1 for all others.
        **kwargs: Arguments of `keras.optimizers.SGD`, such as
            `global_clipnorm`, `clipvalue` and `gradient_accumulation_steps`;
            not `weight_decay`, not `use_ema`.

    Reference:
        - [Jia et al., 2014](https://arxiv.org/abs/1408.5093), the solver of
          Caffe.
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 4.1,
          and the solver of the authors' Caffe.
    """

    def __init__(
        self,
        learning_rate: float
        | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, **kwargs)


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TorchSGD(MeanGradient, keras.optimizers.SGD):
    """Stochastic gradient descent as Torch7 and PyTorch do it.

    With the letters of `CaffeSGD`, `v = m v + g + d l2 w`, then
    `w = w - a r v`: the rate is not part of the velocity, so a lower rate takes
    effect at once. With `nesterov=True`, `w = w - a r (g + d l2 w + m v)`.

    Args:
        learning_rate: float or a Keras schedule.
        momentum: float in [0, 1). Defaults to `0.9`.
        nesterov: bool. Whether to use Nesterov's momentum. Defaults to `False`.
        **kwargs: As for `CaffeSGD`.

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), the streams of
          the authors' program (Torch7, with Nesterov's momentum).
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), the authors'
          second program (PyTorch).
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1611.02155), the
          authors' program (MatConvNet), which trains the spatiotemporal
          multiplier too.
    """

    def __init__(
        self,
        learning_rate: float
        | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        nesterov: bool = False,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(
            learning_rate, momentum=momentum, nesterov=nesterov, **kwargs
        )

    def update_step(
        self,
        gradient: typing.Any,
        variable: keras.Variable,
        learning_rate: typing.Any,
    ) -> None:
        step = gradient = ops.cast(gradient, variable.dtype)
        if self.momentum:
            velocity = self.momentums[self._get_variable_index(variable)]
            momentum = ops.cast(self._momentum(), variable.dtype)
            step = new = momentum * velocity + gradient
            if self.nesterov:
                step = gradient + momentum * new
            self.assign(velocity, new)
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * step)

    def _momentum(self):
        return self.momentum


@keras.saving.register_keras_serializable(package="keras_vidrec")
class MatConvNetSGD(TorchSGD):
    """Stochastic gradient descent as in the MatConvNet of two-stream fusion:
    as `TorchSGD`, but the velocity is reset at the start of each epoch.

    An update whose batches are in two epochs belongs to the later one.

    Args:
        learning_rate: float or a Keras schedule.
        momentum: float in [0, 1). Defaults to `0.9`.
        steps_per_epoch: int. Batches in an epoch; several make one update
            with `gradient_accumulation_steps`.
        **kwargs: As for `CaffeSGD`.

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1604.06573),
          `cnn_train_dag.m` of the authors' program. That of their
          spatiotemporal networks keeps the velocity: `TorchSGD`.
    """

    def __init__(
        self,
        learning_rate: float
        | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        *,
        steps_per_epoch: int,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, **kwargs)
        checks.count("steps_per_epoch", steps_per_epoch)
        self.steps_per_epoch = steps_per_epoch

    def _momentum(self):
        # The update ends with this batch; the one before ended `steps` ago.
        steps = self.gradient_accumulation_steps or 1
        in_epoch = self._iterations % self.steps_per_epoch
        return ops.where(ops.less(in_epoch, steps), 0.0, self.momentum)

    def get_config(self) -> dict:
        return {**super().get_config(), "steps_per_epoch": self.steps_per_epoch}


@keras.saving.register_keras_serializable(package="keras_vidrec")
class DecayedAdam(MeanGradient, keras.optimizers.Adam):
    """Adam with the clipping, decay and multipliers of `MeanGradient`, and the
    `epsilon` of its paper, Torch7 and PyTorch.

    Args:
        learning_rate: float, or a schedule. As for `keras.optimizers.Adam`.
            Defaults to `0.001`.
        epsilon: float. Added to the root of the second moment. Defaults to
            `1e-8` (Keras has `1e-7`).
        **kwargs: Other arguments of `keras.optimizers.Adam` and those of
            `MeanGradient`.

    Raises:
        ValueError: as `MeanGradient`.
    """

    def __init__(
        self,
        learning_rate: float
        | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        *,
        epsilon: float = 1e-8,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)


@keras.saving.register_keras_serializable(package="keras_vidrec")
class DecayedRMSprop(MeanGradient, keras.optimizers.RMSprop):
    """Keras' RMSprop with the clipping, decay and multipliers of
    `MeanGradient`.

    Args:
        **kwargs: Arguments of `keras.optimizers.RMSprop` and `MeanGradient`.

    Raises:
        ValueError: as `MeanGradient`.
    """


@keras.saving.register_keras_serializable(package="keras_vidrec")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Dynamic loss scaling, for `mixed_float16` on any number of devices.

    Keras' own class checks only the gradients of the first replica for
    overflows. Here gradients are summed over the replicas first, so an overflow
    on any of them skips the step on all.

    Args:
        inner_optimizer: optimizer of this package.
        **kwargs: Arguments of `keras.optimizers.LossScaleOptimizer`.
    """

    def __init__(
        self, inner_optimizer: MeanGradient, **kwargs: typing.Any
    ) -> None:
        super().__init__(inner_optimizer, **kwargs)
        inner_optimizer.gradients_are_summed = True

    def move_only(self, variables):
        """As `MeanGradient.move_only`."""
        self.inner_optimizer.move_only(variables)

    def apply(self, grads, trainable_variables=None):
        super().apply(summed(grads), trainable_variables)
