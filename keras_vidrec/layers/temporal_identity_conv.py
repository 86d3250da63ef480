"""Convolutions over time, initialized so that they do not change a network."""

import typing

import keras
import numpy as np
from keras import ops

from keras_vidrec.specs import checks

INITIALIZATIONS = ("center", "avg")

# Size in time of the kernel of a widened convolution.
_WIDTH = 3


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TemporalIdentityConv(keras.layers.Layer):
    """A convolution over time, initialized as an identity over the channels.

    The kernel is a temporal filter `f` times the identity matrix of the
    channels, and the bias is zero (equations 8 and 9). Inserted into a trained
    network it first keeps the meaning of the channels; training then combines
    times and channels. Both ends of time are padded with zeros.

    Identity at initialization: `"center"` changes nothing; `"avg"` is the
    moving average of each channel, which does not change values that are
    constant over time, except next to both ends.

    Args:
        kernel_size: int. Odd extent in time. Defaults to `3`.
        initialization: str. `"center"` (f = [0, 1, 0]) or `"avg"` (f =
            [1/3, 1/3, 1/3]). Defaults to `"center"`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, time, ..., channels)` of any rank of at least
            3; only the number of channels must be known.

    Output shape:
        Same as input.

    Raises:
        ValueError: if `kernel_size` is not a positive odd integer, or
            `initialization` or the number of channels is unknown.

    Example:

    >>> clips = np.ones((2, 5, 7, 7, 8))
    >>> keras_vidrec.layers.TemporalIdentityConv()(clips).shape
    (2, 5, 7, 7, 8)

    Reference:
        - [Feichtenhofer et al., 2017](https://openaccess.thecvf.com/content_cvpr_2017/html/Feichtenhofer_Spatiotemporal_Multiplier_Networks_CVPR_2017_paper.html),
          section 3.3.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        initialization: typing.Literal["center", "avg"] = "center",
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.odd("kernel_size", kernel_size)
        checks.choice("initialization", initialization, INITIALIZATIONS)
        self.kernel_size = kernel_size
        self.initialization = initialization
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                "Expected a known number of channels. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, channels, channels),
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(
                _over_taps(np.eye(channels), shape[0], self.initialization),
                dtype=dtype,
            ),
        )
        self.bias = self.add_weight(
            name="bias", shape=(channels,), initializer="zeros"
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return _over_time(inputs, self.kernel) + self.bias

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "initialization": self.initialization,
        }


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TemporalWidenedConv(keras.layers.Layer):
    """A 1x1 convolution that also spans three time steps.

    Each tap is initialized as the kernel of a 1x1 convolution of images, times
    the temporal filter: with `"avg"` the output is the moving average of that
    of the 1x1 convolution, with `"center"` it is the same.
    `weights.copy_streams` initializes it from a trained kernel `(1, 1,
    channels, filters)`; otherwise the initialization is He normal. Both ends of
    time are padded with zeros.

    Args:
        filters: int. Number of output channels.
        initialization: str. `"avg"` (f = [1/3, 1/3, 1/3]) or `"center"` (f =
            [0, 1, 0]). Defaults to `"avg"`.
        use_bias: bool. Whether to add a bias. Defaults to `True`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, time, height, width, channels)`; only the
            number of channels must be known.

    Output shape:
        `(batch, time, height, width, filters)`.

    Raises:
        ValueError: if `filters` is not a positive integer, or `initialization`
            is unknown.

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1611.02155), and
          the authors' code.
    """

    def __init__(
        self,
        filters: int,
        initialization: typing.Literal["center", "avg"] = "avg",
        use_bias: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.count("filters", filters)
        checks.choice("initialization", initialization, INITIALIZATIONS)
        checks.flag("use_bias", use_bias)
        self.filters = filters
        self.initialization = initialization
        self.use_bias = use_bias
        self.input_spec = keras.layers.InputSpec(ndim=5)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(_WIDTH, input_shape[-1], self.filters),
            initializer=self._random,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.filters,), initializer="zeros"
            )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        outputs = _over_time(inputs, self.kernel)
        return outputs + self.bias if self.use_bias else outputs

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "initialization": self.initialization,
            "use_bias": self.use_bias,
        }

    def widened(self, kernel: np.ndarray) -> np.ndarray | None:
        """Returns the kernel that this layer is initialized with if it replaces
        a convolution of images.

        Args:
            kernel: array `(1, 1, channels, filters)`, the kernel of the
                convolution of images.

        Returns:
            Array `(3, channels, filters)`; or `None` if `kernel` has another
            shape.
        """
        if tuple(kernel.shape) != (1, 1, *self.kernel.shape[1:]):
            return None
        return _over_taps(kernel[0, 0], _WIDTH, self.initialization)

    def _random(self, shape, dtype=None):
        kernel = keras.initializers.HeNormal()((1, 1, *shape[1:]), dtype)
        return _over_taps(kernel[0, 0], _WIDTH, self.initialization)


def _over_taps(kernel, size, initialization):
    """Returns a kernel of images, repeated over time and multiplied by the
    temporal filter."""
    shares = [1 / size] * size
    if initialization == "center":
        shares = [float(tap == size // 2) for tap in range(size)]
    return ops.stack([kernel * share for share in shares])


def _over_time(inputs, kernel):
    """Computes a convolution over time with a kernel `(time, channels,
    filters)`."""
    # As a 2-D convolution with the spatial axes time and position, which is
    # fast and needs no copy.
    shape = ops.shape(inputs)
    outputs = ops.conv(
        ops.reshape(inputs, (shape[0], shape[1], -1, shape[-1])),
        ops.expand_dims(kernel, 1),
        padding="same",
        data_format="channels_last",
    )
    return ops.reshape(outputs, (*shape[:-1], kernel.shape[-1]))
