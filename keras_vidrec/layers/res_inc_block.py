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

    What the paper leaves open, and what is chosen here:

    - Time is kept by zeros at both ends, and an even kernel takes the one
      more at the far end: kernels of 2 see steps t and t + 1, of 4 steps
      t - 1 to t + 2.
    - The convolutions have no bias, which batch normalization would take
      away, and start He normal.
    - Batch normalization has momentum 0.9 and epsilon 1e-5, as the other
      networks of this package.

    Args:
        filters: int. Number of output channels, a multiple of 4; in the
            paper, the number of input features.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, time, features)`; only the number of features
            must be known.
        training: bool. Passed to batch normalization.

    Output shape:
        `(batch, time, filters)`.

    Raises:
        ValueError: if `filters` is no positive multiple of 4, or on another
            rank or an unknown number of features.

    Example:

    >>> features = np.ones((2, 7, 64))
    >>> keras_vidrec.layers.ResIncBlock(64)(features).shape
    (2, 7, 64)

    Reference:
        - Cho and Foroosh, 2018, "Spatio-Temporal Fusion Networks for Action
          Recognition", section 3.2 and figure 3.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        checks.check(
            checks.is_integer(filters)
            and filters > 0
            and filters % len(KERNEL_SIZES) == 0,
            "filters",
            f"a positive multiple of {len(KERNEL_SIZES)}",
            filters,
        )
        self.filters = filters
        self.convolutions = [
            self._convolution(
                filters // len(KERNEL_SIZES), size, f"conv_{size}"
            )
            for size in KERNEL_SIZES
        ]
        self.normalizations = [
            self._normalization(f"bn_{size}") for size in KERNEL_SIZES
        ]
        self.skip_convolution = self._convolution(
            filters, SKIP_KERNEL_SIZE, "skip_conv"
        )
        self.skip_normalization = self._normalization("skip_bn")
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        if input_shape[-1] is None:
            raise ValueError(
                "Expected a known number of features. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        for convolution, normalization in self._branches():
            convolution.build(input_shape)
            normalization.build(convolution.compute_output_shape(input_shape))

    def call(self, inputs, training=False):
        *residual, skip = (
            normalization(convolution(inputs), training=training)
            for convolution, normalization in self._branches()
        )
        residual = ops.concatenate([ops.relu(x) for x in residual], axis=-1)
        return ops.relu(residual + skip)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}

    def _branches(self):
        """Pairs of convolution and normalization; the shortcut is last."""
        return [
            *zip(self.convolutions, self.normalizations),
            (self.skip_convolution, self.skip_normalization),
        ]

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
