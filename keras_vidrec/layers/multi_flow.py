import collections.abc
import typing

import keras
from keras import ops

from keras_vidrec.layers.temporal_conv import TemporalConv
from keras_vidrec.specs import checks


@keras.saving.register_keras_serializable(package="keras_vidrec")
class MultiFlow(keras.layers.Layer):
    """Multi-flow module of Temporal-Inception: convolutions at several time
    scales.

    Parallel `TemporalConv`s ("flows") of different kernels, each with its own
    batch normalization, ReLU and downsampling, concatenated over the
    channels.

    Args:
        filters: int. Number of output channels of each flow.
        kernel_sizes: Sequence of int. Kernel size of each flow in steps; with
            one size it is the paper's narrow module. Defaults to `(5, 7)`.
        downsampling, pool_size, factorized, batch_norm: arguments of each
            flow, see `TemporalConv`, with the same defaults.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, rows, time, channels)`; only the number of
            channels must be known.
        training: bool. Passed to batch normalization.

    Output shape:
        `(batch, rows, time // pool_size, filters * len(kernel_sizes))`, with
        the whole time without downsampling.

    Raises:
        ValueError: if `kernel_sizes` is empty, and as `TemporalConv`.

    Example:

    >>> features = np.ones((2, 4096, 25, 1))
    >>> keras_vidrec.layers.MultiFlow(4)(features).shape
    (2, 4096, 12, 8)

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), section 3.3
          and figure 3.
    """

    def __init__(
        self,
        filters: int,
        kernel_sizes: collections.abc.Sequence[int] = (5, 7),
        downsampling: typing.Literal["max_pool", "stride"] | None = "max_pool",
        pool_size: int = 2,
        factorized: bool = False,
        batch_norm: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.check(
            isinstance(kernel_sizes, (tuple, list)) and kernel_sizes,
            "kernel_sizes",
            "one or more integers in a tuple, one for each flow",
            kernel_sizes,
        )
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)
        self.downsampling = downsampling
        self.pool_size = pool_size
        self.factorized = factorized
        self.batch_norm = batch_norm
        self.flows = [
            TemporalConv(
                filters,
                kernel_size,
                downsampling,
                pool_size,
                factorized,
                batch_norm,
                name=f"flow_{index}",
                dtype=self.dtype_policy,
            )
            for index, kernel_size in enumerate(self.kernel_sizes, 1)
        ]
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for flow in self.flows:
            flow.build(input_shape)

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = False
    ) -> keras.KerasTensor:
        outputs = [flow(inputs, training=training) for flow in self.flows]
        return ops.concatenate(outputs, axis=-1)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        shape = self.flows[0].compute_output_shape(input_shape)
        return (*shape[:-1], self.filters * len(self.flows))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "downsampling": self.downsampling,
            "pool_size": self.pool_size,
            "factorized": self.factorized,
            "batch_norm": self.batch_norm,
        }
