import collections.abc
import typing

import keras
from keras import ops

from keras_vidrec.layers import stream_padding
from keras_vidrec.specs import checks

MODES = ("sum", "max", "concat", "conv", "bilinear")
INITIALIZATIONS = ("identity", "random")
ACTIVATIONS = (None, "relu")

# Limits the slope of the square root to 5e3.
ROOT_EPSILON = 1e-8
# Smallest squared norm to divide by, so that zeros stay zeros.
NORM_EPSILON = 1e-12


@keras.saving.register_keras_serializable(package="keras_vidrec")
class StreamFusion(keras.layers.Layer):
    """Fuses the feature maps of two streams at each position.

    The spatial fusion functions of two-stream fusion:

    - `"sum"`: sum of the two (equation 1);
    - `"max"`: larger one of the two (equation 2);
    - `"concat"`: channels of both, first all spatial then all temporal ones
      (equation 3 interleaves them; only the numbering differs);
    - `"conv"`: 1x1 convolution of the concatenated channels, with bias, to as
      many filters as the spatial stream has channels (equation 4);
    - `"bilinear"`: outer product of the two channel vectors, summed over all
      positions (equation 5), then the signed square root and division by the
      L2 norm. The root is `sign(x) sqrt(|x| + 1e-8)`, because the slope of the
      plain root is infinite at 0. Computed in float32 under any dtype policy.

    If the maps differ in size, the smaller one is padded with zeros at the
    bottom and on the right, by up to two rows and columns (13 x 13 to 14 x 14,
    section 3.5).

    Identity at initialization: `"conv"` starts as `"sum"`, unless
    `initialization="random"`.

    Args:
        mode: str. One of `"sum"`, `"max"`, `"concat"`, `"conv"`,
            `"bilinear"`.
        initialization: str. Initialization of the kernel of `"conv"`; the other
            modes have no kernel: `"identity"` (two stacked identity matrices)
            or `"random"` (He normal). Defaults to `"identity"`.
        activation: `None` or `"relu"`. Applied to the fused channels. Defaults
            to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List `[spatial, temporal]` of tensors `(batch, ..., channels)`
            of equal rank of at least 2; from rank 4 on, the axes before the
            channels are height and width. `"bilinear"` takes maps `(batch,
            height, width, channels)` only. Only the number of channels must
            be known, and must be the same for `"sum"`, `"max"` and an
            identity `"conv"`.

    Output shape:
        `(batch, ..., channels)`, with the channels of both for `"concat"`;
        for `"bilinear"`, `(batch, spatial channels * temporal channels)`, the
        temporal channels varying fastest.

    Raises:
        ValueError: if an argument is unknown, or the ranks of the inputs
            differ, their sizes differ by more than two rows or columns, or
            their channels do not fit.

    Example:

    >>> spatial, temporal = np.ones((2, 14, 14, 8)), np.ones((2, 13, 13, 8))
    >>> keras_vidrec.layers.StreamFusion("conv")([spatial, temporal]).shape
    (2, 14, 14, 8)

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1604.06573),
          section 3.1.
    """

    def __init__(
        self,
        mode: typing.Literal["sum", "max", "concat", "conv", "bilinear"],
        initialization: typing.Literal["identity", "random"] = "identity",
        activation: typing.Literal["relu"] | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.choice("mode", mode, MODES)
        checks.choice("initialization", initialization, INITIALIZATIONS)
        checks.choice("activation", activation, ACTIVATIONS)
        self.mode = mode
        self.initialization = initialization
        self.activation = activation

    def build(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> None:
        stream_padding.overlaid_shape(input_shape)
        spatial, temporal = _channels(input_shape)
        if None in (spatial, temporal):
            raise ValueError(
                "Expected two streams of a known number of channels. "
                f"Received: input_shape={input_shape}"
            )
        identity = self.mode == "conv" and self.initialization == "identity"
        if spatial != temporal and (identity or self.mode in ("sum", "max")):
            raise ValueError(
                "Expected two streams of the same number of channels for "
                f"mode={self.mode!r}, initialization={self.initialization!r}. "
                f"Received: input_shape={input_shape}"
            )
        if self.mode == "bilinear" and len(input_shape[0]) != 4:
            raise ValueError(
                "Bilinear fusion sums over the positions of maps. Expected "
                "two tensors (batch, height, width, channels). Received: "
                f"input_shape={input_shape}"
            )
        if self.mode == "conv":
            self.kernel = self.add_weight(
                name="kernel",
                shape=(spatial + temporal, spatial),
                initializer=stacked_identities if identity else "he_normal",
            )
            self.bias = self.add_weight(
                name="bias", shape=(spatial,), initializer="zeros"
            )

    def call(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        fused = self._fuse(*stream_padding.overlay(*inputs))
        return ops.relu(fused) if self.activation == "relu" else fused

    def _fuse(self, spatial, temporal):
        if self.mode == "sum":
            return spatial + temporal
        if self.mode == "max":
            return ops.maximum(spatial, temporal)
        if self.mode == "bilinear":
            return self._bilinear(spatial, temporal)
        stacked = ops.concatenate([spatial, temporal], axis=-1)
        if self.mode == "concat":
            return stacked
        return ops.matmul(stacked, self.kernel) + self.bias

    def _bilinear(self, spatial, temporal):
        products = ops.einsum(
            "bhwi,bhwj->bij",
            ops.cast(spatial, "float32"),
            ops.cast(temporal, "float32"),
        )
        size = products.shape[1] * products.shape[2]
        products = ops.reshape(products, (-1, size))
        roots = ops.sign(products) * ops.sqrt(ops.abs(products) + ROOT_EPSILON)
        # `ops.normalize` has a NaN gradient at a norm of 0 on JAX.
        squares = ops.sum(ops.square(roots), axis=-1, keepdims=True)
        normalized = roots * ops.rsqrt(ops.maximum(squares, NORM_EPSILON))
        return ops.cast(normalized, self.compute_dtype)

    def compute_output_shape(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        overlaid = stream_padding.overlaid_shape(input_shape)
        spatial, temporal = _channels(input_shape)
        if self.mode == "bilinear":
            return (overlaid[0], spatial * temporal)
        if self.mode == "concat":
            return (*overlaid, spatial + temporal)
        return (*overlaid, spatial)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "mode": self.mode,
            "initialization": self.initialization,
            "activation": self.activation,
        }


def stacked_identities(shape, dtype=None):
    """Returns a kernel that sums the two streams, channel by channel."""
    return ops.concatenate([ops.eye(shape[1], dtype=dtype)] * 2)


def _channels(shapes) -> list[int]:
    """Returns the numbers of channels of both streams; `build` has checked that
    they are known."""
    return [typing.cast(int, shape[-1]) for shape in shapes]
