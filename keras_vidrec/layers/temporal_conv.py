import typing

import keras
from keras import ops

from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.specs import checks

DOWNSAMPLING = ("max_pool", "stride", None)


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TemporalConv(keras.layers.Layer):
    """Temporal-ConvNet layer (TCL): convolves features over time.

    The features of the frames are an image with one row per feature and one
    column per frame. A kernel `(1, kernel_size)`, shared by all rows, is
    convolved over time (the order of rows has no meaning), followed by batch
    normalization, ReLU, and downsampling:

    - `"max_pool"`: the convolution keeps the number of steps, and the maximum
      of each `pool_size` steps is taken;
    - `"stride"`: the convolution has a stride of `pool_size`, and its kernel is
      centered on the steps that pooling would combine, so that both give the
      same times;
    - `None`: the number of steps is kept.

    Remaining steps at the end (25 = 12 * 2 + 1) start no further window. Both
    ends of time are padded with zeros.

    `factorized=True` replaces the kernel by a stack of kernels of 3 with the
    same extent, two for 5 and three for 7, as in the last but one row of Table
    10. The table does not state what is between them: here each has its own
    batch normalization and ReLU, as in Inception-v3, which introduced such
    stacks, and only the last one downsamples.

    The initialization is He normal. The convolution has a bias only without
    batch normalization, which would remove it. Batch normalization has the
    defaults of the authors' framework, momentum 0.9 and epsilon 1e-5.

    Args:
        filters: int. Number of output channels.
        kernel_size: int. Size of the kernel in steps. Defaults to `5`.
        downsampling: `None`, `"max_pool"` or `"stride"`. Defaults to
            `"max_pool"`.
        pool_size: int. Number of steps that are combined to one; not used
            without downsampling. With `"stride"` at most the size of the last
            kernel. Defaults to `2`.
        factorized: bool. Whether to stack kernels of 3; `kernel_size` must
            be odd and at least 3. Defaults to `False`.
        batch_norm: bool. Whether to normalize before ReLU. Defaults to
            `True`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, rows, time, channels)`; only the number of
            channels must be known.
        training: bool. Passed to batch normalization.

    Output shape:
        `(batch, rows, time // pool_size, filters)`, or `(batch, rows, time,
        filters)` without downsampling.

    Raises:
        ValueError: if an argument is out of range, the rank of the input is not
            4, the number of channels is unknown, or there are fewer than
            `pool_size` steps. If the number of steps is only known when the
            graph runs, the output then has no steps instead.

    Example:

    >>> features = np.ones((2, 4096, 25, 1))
    >>> keras_vidrec.layers.TemporalConv(4)(features).shape
    (2, 4096, 12, 4)

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), sections 3.3
          and 4.3, and Table 10.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 5,
        downsampling: typing.Literal["max_pool", "stride"] | None = "max_pool",
        pool_size: int = 2,
        factorized: bool = False,
        batch_norm: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.count("filters", filters)
        checks.count("kernel_size", kernel_size)
        checks.count("pool_size", pool_size)
        checks.choice("downsampling", downsampling, DOWNSAMPLING)
        checks.check(
            not factorized or kernel_size >= 3 and kernel_size % 2,
            "kernel_size",
            "an odd integer of at least 3 with factorized=True, a stack of "
            "kernels of 3",
            kernel_size,
        )
        self.filters = filters
        self.kernel_size = kernel_size
        self.downsampling = downsampling
        self.pool_size = pool_size
        self.factorized = factorized
        self.batch_norm = batch_norm
        sizes = [3] * (kernel_size // 2) if factorized else [kernel_size]
        checks.check(
            downsampling != "stride" or pool_size <= sizes[-1],
            "pool_size",
            f"at most {sizes[-1]}, because a stride larger than the kernel "
            "would skip steps",
            pool_size,
        )
        strided = [False] * (len(sizes) - 1) + [downsampling == "stride"]
        self.convolutions = [
            keras.layers.Conv2D(
                filters,
                (1, size),
                strides=(1, pool_size if has_stride else 1),
                padding="valid" if has_stride else "same",
                data_format="channels_last",
                use_bias=not batch_norm,
                kernel_initializer="he_normal",
                name=f"conv_{index}",
                dtype=self.dtype_policy,
            )
            for index, (size, has_stride) in enumerate(zip(sizes, strided), 1)
        ]
        self.normalizations = [
            BatchNormalization(
                momentum=0.9,
                epsilon=1e-5,
                name=f"bn_{index}",
                dtype=self.dtype_policy,
            )
            for index in range(1, len(sizes) + 1)
            if batch_norm
        ]
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        batch, rows, num_steps, channels = input_shape
        if channels is None:
            raise ValueError(
                "Expected a known number of channels. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        downsampled = self.downsampling is not None
        if downsampled and num_steps is not None and num_steps < self.pool_size:
            raise ValueError(
                f"Expected at least {self.pool_size} steps of time, which are "
                "combined to one. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        for convolution in self.convolutions:
            convolution.build((batch, rows, None, channels))
            channels = self.filters
        for normalization in self.normalizations:
            normalization.build((batch, rows, None, channels))

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = False
    ) -> keras.KerasTensor:
        x = inputs
        for index, convolution in enumerate(self.convolutions):
            if convolution.padding == "valid":
                x = self._center(x, convolution.kernel_size[1])
            x = convolution(x)
            if self.batch_norm:
                x = self.normalizations[index](x, training=training)
            x = ops.relu(x)
        if self.downsampling == "max_pool":
            window = (1, self.pool_size)
            x = ops.max_pool(
                x, window, window, "valid", data_format="channels_last"
            )
        return x

    def _center(self, x, kernel_size):
        """Pads time so that strided kernels are centered on the windows that
        pooling would have."""
        before = (kernel_size - 1) // 2 - (self.pool_size - 1) // 2
        after = kernel_size // 2 - self.pool_size // 2
        return ops.pad(x, [[0, 0], [0, 0], [before, after], [0, 0]])

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        batch, rows, num_steps, _ = input_shape
        if num_steps is not None and self.downsampling is not None:
            num_steps //= self.pool_size
        return (batch, rows, num_steps, self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "downsampling": self.downsampling,
            "pool_size": self.pool_size,
            "factorized": self.factorized,
            "batch_norm": self.batch_norm,
        }
