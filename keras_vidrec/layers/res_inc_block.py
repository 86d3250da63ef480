import typing
from collections.abc import Sequence

import keras
from keras import ops

from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.specs import checks

KERNEL_SIZES = (2, 3, 4, 5)
SKIP_KERNEL_SIZE = 2


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ResIncBlock(keras.layers.Layer):
    """Residual Inception block of STFN, over a sequence of features.

    Four convolutions along time, with kernels of 2, 3, 4 and 5 steps and a
    quarter of the filters each, batch normalization and ReLU; concatenated.
    They are added to a shortcut, a convolution of 2 steps and batch
    normalization without ReLU. ReLU follows the sum (equation 3).

    The arguments `kernel_sizes` and `reduction` are for two experiments of the
    paper, which were worse (section 3.2, without figures): other sets of
    kernels, and convolutions of 1 step before the others, which reduce the
    number of features.

    Choices where the paper does not give details:

    - Zero padding at both ends keeps the number of steps. Even kernels have
      one more step after the center: kernels of 2 cover steps t and t + 1,
      kernels of 4 steps t - 1 to t + 2.
    - The convolutions have no bias, because batch normalization would remove
        it, and He normal initialization.
    - Each kernel has its own reduction, followed by batch normalization and
      ReLU, as in Inception networks. The shortcut has no reduction.
    - If the filters cannot be divided evenly, the first kernels have one more.
    - Batch normalization has momentum 0.9 and epsilon 1e-5, as in the other
      networks of this package.

    Args:
        filters: int. Number of output channels, at least one for each kernel;
            in the paper, the number of input features.
        kernel_sizes: sequence of int. Sizes of the kernels in steps, all
            different. Defaults to `(2, 3, 4, 5)`.
        reduction: `None` (no reduction), or int. Number of features to which a
            convolution of 1 step reduces the input of each kernel. Defaults to
            `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, time, features)`; only the number of features
            must be known.
        training: bool. Passed to batch normalization.

    Output shape:
        `(batch, time, filters)`.

    Raises:
        ValueError: if an argument is invalid, the rank of the input is not 3,
            or the number of features is unknown.

    Example:

    >>> features = np.ones((2, 7, 64))
    >>> keras_vidrec.layers.ResIncBlock(64)(features).shape
    (2, 7, 64)

    Reference:
        - Cho and Foroosh, 2018, "Spatio-Temporal Fusion Networks for Action
          Recognition", section 3.2 and figure 3.
    """

    def __init__(
        self,
        filters: int,
        kernel_sizes: Sequence[int] = KERNEL_SIZES,
        reduction: int | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        check_kernel_sizes(kernel_sizes)
        checks.count("filters", filters, len(kernel_sizes))
        if reduction is not None:
            checks.count("reduction", reduction)
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)
        self.reduction = reduction
        share, more = divmod(filters, len(kernel_sizes))
        self.convolutions = [
            self._convolution(share + (number < more), size, f"conv_{size}")
            for number, size in enumerate(kernel_sizes)
        ]
        self.normalizations = [
            self._normalization(f"bn_{size}") for size in kernel_sizes
        ]
        self.skip_convolution = self._convolution(
            filters, SKIP_KERNEL_SIZE, "skip_conv"
        )
        self.skip_normalization = self._normalization("skip_bn")
        reduced = kernel_sizes if reduction else ()
        self.reductions = [
            self._convolution(reduction, 1, f"reduce_{size}")
            for size in reduced
        ]
        self.reduction_normalizations = [
            self._normalization(f"reduce_bn_{size}") for size in reduced
        ]
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if input_shape[-1] is None:
            raise ValueError(
                "Expected a known number of features. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        seen = tuple(input_shape)
        for pair in self._reductions():
            _build(pair, input_shape)
            seen = (*seen[:-1], self.reduction)
        for pair in zip(self.convolutions, self.normalizations):
            _build(pair, seen)
        _build((self.skip_convolution, self.skip_normalization), input_shape)

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = False
    ) -> keras.KerasTensor:
        seen = [inputs] * len(self.kernel_sizes)
        if self.reduction:
            seen = [
                ops.relu(normalization(convolution(inputs), training=training))
                for convolution, normalization in self._reductions()
            ]
        residual = [
            ops.relu(normalization(convolution(x), training=training))
            for x, convolution, normalization in zip(
                seen, self.convolutions, self.normalizations
            )
        ]
        skip = self.skip_normalization(
            self.skip_convolution(inputs), training=training
        )
        return ops.relu(ops.concatenate(residual, axis=-1) + skip)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "reduction": self.reduction,
        }

    def _reductions(self):
        """Returns pairs of convolution and normalization, one for each
        kernel."""
        return zip(self.reductions, self.reduction_normalizations)

    def _convolution(self, filters, kernel_size, name):
        return keras.layers.Conv1D(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer="he_normal",
            name=name,
            dtype=self.dtype_policy,
        )

    def _normalization(self, name):
        return BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=name, dtype=self.dtype_policy
        )


def check_kernel_sizes(kernel_sizes: Sequence[int]) -> None:
    """Checks the kernels of a block.

    Args:
        kernel_sizes: sequence of int.

    Raises:
        ValueError: if there are none, one occurs twice, or one is not a
            positive integer.
    """
    checks.check(
        isinstance(kernel_sizes, (list, tuple))
        and len(kernel_sizes) > 0
        and all(checks.is_integer(size) and size > 0 for size in kernel_sizes)
        and len(set(kernel_sizes)) == len(kernel_sizes),
        "kernel_sizes",
        "a list of different positive integers",
        kernel_sizes,
    )


def _build(pair, input_shape):
    convolution, normalization = pair
    convolution.build(input_shape)
    normalization.build(convolution.compute_output_shape(input_shape))
