import keras

from keras_vidrec.training.devices import replicas


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
        super().apply(replicas.summed(grads), trainable_variables)
