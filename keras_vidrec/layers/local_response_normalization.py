import typing

import keras
from keras import ops

from keras_vidrec.specs import checks


@keras.saving.register_keras_serializable(package="keras_vidrec")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides every channel by a power of the sum of squares of itself and its
    neighbors.

    `x / (bias + alpha * sum(x[c - radius] ** 2, ..., x[c + radius] ** 2))
    ** beta`, where missing channels at both ends are zero. This equals
    `tf.nn.lrn`; Caffe's `alpha` is `2 * radius + 1` times this one. The sums
    are computed in float32 under a policy of lower precision, because squares
    of activations easily exceed the range of float16.

    Args:
        radius: int. Number of neighbors on each side. Defaults to `2`.
        bias: float. Positive. Defaults to `1.0`.
        alpha: float. Weight of each square, not negative. Defaults to `1e-4`.
        beta: float. Exponent, not negative. Defaults to `0.75`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor `(batch, ..., channels)`.

    Output shape:
        Same as input.

    Raises:
        ValueError: if an argument is out of range, or the number of channels
            is unknown.

    Reference:
        - [Krizhevsky et al., 2012](https://papers.nips.cc/paper/4824),
          section 3.3
    """

    def __init__(
        self,
        radius: int = 2,
        bias: float = 1.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.count("radius", radius, minimum=0)
        checks.positive("bias", bias)
        checks.number("alpha", alpha, low=0)
        checks.number("beta", beta, low=0)
        self.radius = radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.input_spec = keras.InputSpec(min_ndim=2)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if input_shape[-1] is None:
            raise ValueError(
                "Expected a known number of channels. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        self.built = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        squares = ops.square(ops.cast(inputs, dtype))
        # A matrix product: on TensorFlow, on a CPU, the gradients of slices or
        # of a pooling over channels take several times as long.
        energies = ops.matmul(squares, self._neighbors(squares))
        # `ops.power` is slower on a CPU.
        scales = ops.exp(-self.beta * ops.log(self.bias + energies))
        return inputs * ops.cast(scales, inputs.dtype)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "radius": self.radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }

    def _neighbors(self, squares):
        """Returns the banded matrix of the weights between channels."""
        channels = ops.arange(squares.shape[-1])
        distances = ops.abs(channels[:, None] - channels)
        return self.alpha * ops.cast(distances <= self.radius, squares.dtype)
