import keras


class KernelDecay:
    """L2 decay as in Caffe, mixed into an optimiser of Keras.

    The gradient is clipped first; then `l2 * weight` is added to the gradient
    of each kernel, so that the decay enters the moments of the gradient
    (Keras' own `weight_decay` is decoupled from them). Biases and the weights
    of batch normalisation do not decay.

    Args:
        *args: Arguments of the optimiser.
        l2: float. Weight decay. Defaults to `0.0`.
        **kwargs: Arguments of the optimiser, such as `global_clipnorm`.
    """

    def __init__(self, *args, l2=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        # Vectors are biases and batch normalisation: they have no decay.
        if self.l2 and len(variable.shape) > 1:
            gradient = gradient + self.l2 * keras.ops.cast(
                variable, gradient.dtype
            )
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}


@keras.saving.register_keras_serializable(package="keras_vidrec")
class CaffeSGD(KernelDecay, keras.optimizers.SGD):
    """Stochastic gradient descent with momentum and L2 decay as in Caffe.

    With the rate r, the momentum m, the clipped gradient g and its velocity v,
    a kernel w does `v = m v + r (g + l2 w)`, then `w = w - v`.

    Args:
        learning_rate: float or a Keras schedule.
        momentum: float in [0, 1). Defaults to `0.9`.
        l2: float. Weight decay of kernels, `5e-4` in most of the papers.
            Defaults to `0.0`.
        **kwargs: Arguments of `keras.optimizers.SGD`, such as
            `global_clipnorm`.

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 4.1,
          and the solver of the authors' Caffe.
    """

    def __init__(self, learning_rate=0.01, momentum=0.9, l2=0.0, **kwargs):
        super().__init__(learning_rate, momentum=momentum, l2=l2, **kwargs)
