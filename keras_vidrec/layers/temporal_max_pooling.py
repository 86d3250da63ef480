import typing

import keras
from keras import ops

from keras_vidrec.specs import checks


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TemporalMaxPooling(keras.layers.Layer):
    """Maximum pooling over windows of time, at each position.

    All windows are completely inside the clip, without padding. A clip shorter
    than the window gives one output, its maximum: a network trained with clips
    of `pool_size` steps also takes shorter and longer ones.

    Args:
        pool_size: int. Steps in a window.
        strides: int. Steps between windows. Defaults to `1`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor `(batch, time, ...)` of rank 3 or more; any
            dimension may be unknown.

    Output shape:
        `(batch, windows, ...)`, with `max((time - pool_size) // strides, 0) +
        1` windows.

    Raises:
        ValueError: if `pool_size` or `strides` is not a positive integer.

    Example:

    >>> clips = np.ones((2, 25, 7, 7, 8))
    >>> keras_vidrec.layers.TemporalMaxPooling(5)(clips).shape
    (2, 21, 7, 7, 8)

    Reference:
        - [Feichtenhofer et al., 2017](https://openaccess.thecvf.com/content_cvpr_2017/html/Feichtenhofer_Spatiotemporal_Multiplier_Networks_CVPR_2017_paper.html),
          sections 3.3 and 5.2 (temporal max-pooling).
    """

    def __init__(
        self, pool_size: int, strides: int = 1, **kwargs: typing.Any
    ) -> None:
        super().__init__(**kwargs)
        checks.count("pool_size", pool_size)
        checks.count("strides", strides)
        self.pool_size = pool_size
        self.strides = strides
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.built = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        num_steps = inputs.shape[1]
        pool_size = self.pool_size
        if num_steps is None:
            inputs = self._lengthen(inputs)
        else:
            pool_size = min(pool_size, num_steps)
        # As a 2-D pooling with the spatial axes time and position.
        shape = ops.shape(inputs)
        pooled = ops.max_pool(
            ops.reshape(inputs, (shape[0], shape[1], -1, shape[-1])),
            (pool_size, 1),
            (self.strides, 1),
            "valid",
            data_format="channels_last",
        )
        num_windows = ops.shape(pooled)[1]
        return ops.reshape(pooled, (shape[0], num_windows, *shape[2:]))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        batch, num_steps, *rest = input_shape
        if num_steps is not None:
            num_steps = max((num_steps - self.pool_size) // self.strides, 0) + 1
        return (batch, num_steps, *rest)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
        }

    def _lengthen(self, inputs):
        """Adds steps of minus infinity to clips shorter than a window."""
        batch, num_steps, *rest = ops.shape(inputs)
        missing = ops.maximum(self.pool_size - num_steps, 0)
        filler = ops.full(
            (batch, missing, *rest), -float("inf"), dtype=inputs.dtype
        )
        return ops.concatenate([inputs, filler], axis=1)
