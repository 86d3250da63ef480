import collections.abc
import typing

import keras
import numpy as np
from keras import ops

from keras_vidrec.layers import stream_padding
from keras_vidrec.specs import checks


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ConvFusion3D(keras.layers.Layer):
    """Fuses two streams over a neighborhood in time and space.

    The channels of both streams, first the spatial then the temporal ones, are
    the input of a 3-D convolution of stride 1 over (time, height, width), with
    zero padding that keeps the sizes, bias and ReLU. Training finds which
    channels of the two streams correspond.

    It is initialized as a blurred weighted mean of the two streams. The kernel
    is

        [spatial share * identity; temporal share * identity] * gaussian

    where the shares have the sum 1 and the temporal share is `temporal_ratio`
    times the spatial one (because motion responds more weakly), the Gaussian
    has the sum 1, and the bias is zero. The shares and the sum of the Gaussian
    are those of the authors' code; the paper states their ratios only.

    If the maps differ in size, the smaller one is padded with zeros at the
    bottom and on the right, by up to two rows and columns.

    Args:
        filters: int. Number of output channels, which is also the number of
            channels of each stream, because of the initialization.
        kernel_size: int. Odd extent in time, height and width. Defaults to
            `3`.
        temporal_ratio: float. Weight of the temporal stream divided by that of
            the spatial one, 0 or more. Defaults to `3.0`, shares of 0.25 and
            0.75.
        sigma: float. Standard deviation of the Gaussian, in steps and pixels.
            Defaults to `1.0`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List `[spatial, temporal]` of tensors `(batch, time, height,
            width, filters)`; time and sizes may be unknown.

    Output shape:
        `(batch, time, height, width, filters)`.

    Raises:
        ValueError: if an argument is out of range, the rank or number of
            channels of an input is wrong, their times differ, or their sizes
            differ by more than two rows or columns.

    Example:

    >>> spatial, temporal = np.ones((2, 2, 5, 14, 14, 8))
    >>> keras_vidrec.layers.ConvFusion3D(8)([spatial, temporal]).shape
    (2, 5, 14, 14, 8)

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1604.06573),
          sections 3.3 (equation 6), 3.4 and 3.5.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        temporal_ratio: float = 3.0,
        sigma: float = 1.0,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.count("filters", filters)
        checks.odd("kernel_size", kernel_size)
        checks.check(
            checks.is_number(temporal_ratio)
            and 0 <= temporal_ratio < float("inf"),
            "temporal_ratio",
            "a finite number of at least 0",
            temporal_ratio,
        )
        checks.positive("sigma", sigma)
        self.filters = filters
        self.kernel_size = kernel_size
        self.temporal_ratio = temporal_ratio
        self.sigma = sigma

    def build(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> None:
        stream_padding.overlaid_shape(input_shape)
        if any(
            len(shape) != 5 or shape[-1] != self.filters
            for shape in input_shape
        ):
            raise ValueError(
                "Expected two streams (batch, time, height, width, filters). "
                f"Received: input_shape={input_shape}, filters={self.filters}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size,) * 3 + (2 * self.filters, self.filters),
            initializer=self._blurred_mean,
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )

    def call(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        stacked = ops.concatenate(stream_padding.overlay(*inputs), axis=-1)
        fused = ops.conv(
            stacked,
            self.kernel,
            padding="same",
            data_format="channels_last",
        )
        return ops.relu(fused + self.bias)

    def compute_output_shape(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        return (*stream_padding.overlaid_shape(input_shape), self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "temporal_ratio": self.temporal_ratio,
            "sigma": self.sigma,
        }

    def _blurred_mean(self, shape, dtype=None):
        offsets = np.arange(self.kernel_size) - self.kernel_size // 2
        bell = np.exp(-(offsets**2) / (2 * self.sigma**2))
        bell /= bell.sum()
        gaussian = np.einsum("t,y,x->tyx", bell, bell, bell)
        shares = np.array([1, self.temporal_ratio]) / (1 + self.temporal_ratio)
        mean = np.kron(shares[:, None], np.eye(self.filters))
        kernel = gaussian[..., None, None] * mean
        return ops.convert_to_tensor(kernel, dtype=dtype)
