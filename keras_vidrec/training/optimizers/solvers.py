"""The optimizers of this package."""

import keras

from keras_vidrec.training.optimizers.caffe_arithmetic import CaffeArithmetic
from keras_vidrec.training.optimizers.caffe_arithmetic import summed


@keras.saving.register_keras_serializable(package="keras_vidrec")
class CaffeSGD(CaffeArithmetic, keras.optimizers.SGD):
    """Stochastic gradient descent as Caffe's solver does it.

    With the learning rate r and its multiplier a, the momentum m, the decay
    multiplier d, the clipped gradient g and its velocity v, a weight w does
    `v = m v + a r (g + d l2 w)`, then `w = w - v`.

    With `gradient_accumulation_steps=n` (`iter_size`), g is the clipped *sum*
    of the gradients of n batches, divided by n: a threshold that was
    published is used as it is. Under a `tf.distribute.Strategy` the sum is
    over all replicas too.

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
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 4.1,
          and the solver of the authors' Caffe.
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.9,
        l2=0.0,
        learning_rate_multipliers=None,
        decay_multipliers=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate,
            momentum=momentum,
            l2=l2,
            learning_rate_multipliers=learning_rate_multipliers,
            decay_multipliers=decay_multipliers,
            **kwargs,
        )


@keras.saving.register_keras_serializable(package="keras_vidrec")
class DecayedAdam(CaffeArithmetic, keras.optimizers.Adam):
    """Adam with the clipping, decay and multipliers of Caffe."""


@keras.saving.register_keras_serializable(package="keras_vidrec")
class DecayedRMSprop(CaffeArithmetic, keras.optimizers.RMSprop):
    """RMSprop with the clipping, decay and multipliers of Caffe."""


@keras.saving.register_keras_serializable(package="keras_vidrec")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Dynamic loss scaling, for `mixed_float16` on any number of devices.

    Keras' own looks for overflows in the gradients of the first replica only,
    as if they were those of all. Here they are summed over the replicas
    first, so that an overflow on any of them skips the step on all.

    Args:
        inner_optimizer: optimizer of this package.
        **kwargs: Arguments of `keras.optimizers.LossScaleOptimizer`.
    """

    def __init__(self, inner_optimizer, **kwargs):
        super().__init__(inner_optimizer, **kwargs)
        inner_optimizer.gradients_are_summed = True

    def apply(self, grads, trainable_variables=None):
        super().apply(summed(grads), trainable_variables)
