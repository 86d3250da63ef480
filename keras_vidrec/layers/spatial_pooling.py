"""Pooling of maps: Caffe's pooling, and a sliding average."""

import typing

import keras
from keras import ops

from keras_vidrec.specs import checks

MODES = ("max", "avg")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class CaffePooling(keras.layers.Layer):
    """Pools images with Caffe's rules for sizes and borders.

    The output has `ceil((size + 2 padding - pool_size) / strides) + 1`
    positions, without the last one if its window would start beyond the image
    and its leading padding. The maximum ignores the padding; the average
    includes the zeros of the padding, but not positions beyond it. Keras' own
    pooling rounds down (`"valid"`), or pads odd sizes differently and excludes
    the padding from averages (`"same"`).

    Args:
        pool_size: int. Height and width of the window.
        strides: int. Distance between windows. Defaults to `1`.
        padding: int. Padding on each side, less than `pool_size`. Defaults
            to `0`.
        mode: str. `"max"` or `"avg"`. Defaults to `"max"`.
        every_stride: bool. Whether to add windows that start in the image but
            are omitted by Caffe's rounding, so that the output has the size of
            that of a padded convolution with these strides. It matters for
            sizes for which Caffe cannot concatenate the two, such as odd ones
            with `pool_size=3, strides=2`. Defaults to `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of shape `(batch, height, width, channels)`, of
            any, also unknown, height and width.

    Output shape:
        `(batch, pooled_height, pooled_width, channels)`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        pool_size: int,
        strides: int = 1,
        padding: int = 0,
        mode: typing.Literal["max", "avg"] = "max",
        every_stride: bool = False,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.count("pool_size", pool_size)
        checks.count("strides", strides)
        checks.check(
            checks.is_integer(padding) and 0 <= padding < pool_size,
            "padding",
            f"an integer from 0 to less than pool_size={pool_size}",
            padding,
        )
        checks.choice("mode", mode, MODES)
        self.pool_size = pool_size
        self.strides = strides
        self.padding = padding
        self.mode = mode
        self.every_stride = every_stride
        self.input_spec = keras.InputSpec(ndim=4)
        # With this padding at the bottom and on the right, rounding down gives
        # Caffe's result for every size, so sizes may be unknown.
        self._far_padding = pool_size - 1
        if not every_stride:
            self._far_padding = min(padding + strides - 1, pool_size - 1)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.built = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        if self.mode == "max":
            return self._max_pool(inputs)
        averages = ops.average_pool(
            ops.pad(inputs, self._pad_width(self._far_padding)),
            self.pool_size,
            self.strides,
            "valid",
        )
        beyond = self._far_padding - self.padding
        if beyond == 0:
            return averages
        # Caffe's averages exclude positions beyond `padding`.
        border = ops.pad(
            ops.ones_like(inputs[:1, :, :, :1]),
            self._pad_width(self.padding),
            constant_values=1,
        )
        border = ops.pad(border, [[0, 0], [0, beyond], [0, beyond], [0, 0]])
        return averages / ops.average_pool(
            border, self.pool_size, self.strides, "valid"
        )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        batch, *sizes, channels = input_shape
        return (batch, *map(self._pooled_size, sizes), channels)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "mode": self.mode,
            "every_stride": self.every_stride,
        }

    def _pooled_size(self, size):
        if size is None:
            return None
        padded = size + self.padding + self._far_padding
        return (padded - self.pool_size) // self.strides + 1

    def _pad_width(self, far_padding):
        sides = [self.padding, far_padding]
        return [[0, 0], sides, sides, [0, 0]]

    def _max_pool(self, inputs):
        border = self._native_border(inputs.shape[1:3])
        if border is None:
            inputs = ops.pad(
                inputs,
                self._pad_width(self._far_padding),
                constant_values=-float("inf"),
            )
            border = "valid"
        return ops.max_pool(inputs, self.pool_size, self.strides, border)

    def _native_border(self, sizes):
        """Returns the `padding` of Keras that gives the same result at these
        sizes without a padded copy, or `None`."""
        if self.strides == 1 and (
            self.padding == self._far_padding == (self.pool_size - 1) / 2
        ):
            return "same"
        if None in sizes:
            return None
        pooled = [self._pooled_size(size) for size in sizes]
        missing = [
            (count - 1) * self.strides + self.pool_size - size
            for size, count in zip(sizes, pooled)
        ]
        if self.padding == 0 and missing == [0, 0]:
            return "valid"
        # "same" pads both sides, with the smaller half at the top and left.
        if all(
            count == -(-size // self.strides)
            and max(lack, 0) // 2 == self.padding
            for size, count, lack in zip(sizes, pooled, missing)
        ):
            return "same"
        return None


@keras.saving.register_keras_serializable(package="keras_vidrec")
class SlidingAveragePooling2D(keras.layers.Layer):
    """Computes the mean of the averages of a window that slides over a feature
    map.

    The window slides by one position at a time. A linear classifier after this
    layer returns the mean of its scores at all positions of the window. Some
    authors test networks on maps larger than in training in this way. Places
    near the border, which are in fewer windows, have less weight than in a
    global average; for maps not larger than the window the result equals the
    global average.

    Args:
        window: int. Side of the window in places of the map.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`, of any, also
            unknown, height and width.

    Output shape:
        `(batch, channels)`.

    Raises:
        ValueError: if `window` is not a positive integer.

    Example:

    >>> maps = np.ones((2, 8, 11, 256))
    >>> keras_vidrec.layers.SlidingAveragePooling2D(7)(maps).shape
    (2, 256)

    Reference:
        - [Feichtenhofer et al., 2017](https://openaccess.thecvf.com/content_cvpr_2017/html/Feichtenhofer_Spatiotemporal_Multiplier_Networks_CVPR_2017_paper.html),
          table 1 and section 4.2, and the authors' code.
    """

    def __init__(self, window: int, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        checks.count("window", window)
        self.window = window
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.built = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        height, width = ops.shape(inputs)[1:3]
        rows = self._shares(height, inputs.dtype)
        columns = self._shares(width, inputs.dtype)
        shares = ops.reshape(rows, (-1, 1, 1)) * ops.reshape(columns, (-1, 1))
        return ops.sum(inputs * shares, axis=(1, 2))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict:
        return {**super().get_config(), "window": self.window}

    def _shares(self, length, dtype):
        """Returns the weight of each place along a side: the share of windows
        that contain it."""
        places = ops.arange(length)
        window = ops.minimum(self.window, length)
        positions = length - window + 1
        nearest = ops.minimum(places + 1, length - places)
        covering = ops.minimum(nearest, ops.minimum(window, positions))
        total = ops.cast(window * positions, dtype)
        return ops.cast(covering, dtype) / total
