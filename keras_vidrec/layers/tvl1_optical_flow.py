import typing

import keras
from keras import ops

from keras_vidrec.flow.tvl1 import flow as tvl1

# OpenCV's weights of R, G, B in units of 1 / 32768. Sums of 8-bit pixels are
# below 2**24, which float32 represents exactly.
GRAY = (9798.0, 19235.0, 3735.0)


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TVL1OpticalFlow(keras.layers.Layer):
    """Computes the optical flow between neighboring frames, in the 8-bit code.

    A snippet of L + 1 raw RGB frames, stacked frame-major along the channels,
    becomes L flow fields as in a prepared dataset: TV-L1 on the gray frames,
    clipped to +-`bound` pixels and coded as `rint(255 (v + bound) / (2
    bound))`, 128 is no motion. With it, a single saved model takes raw frames.
    Computed in float32 under any dtype policy. It has no useful gradient.

    The parameters of the algorithm, `tau` to `median_size`, are those of
    `flow.tvl1_flow`, with the same defaults.

    Args:
        bound: float. Largest motion in pixels, along x and y: `-bound` has the
            code 0, `bound` the code 255. Defaults to `20.0`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, segments, height, width, 3 * (L + 1))`, pixels
            R G B 0..255 of any dtype. All but the channels may be unknown
            until run time.

    Output shape:
        `(batch, segments, height, width, 2 * L)`, interleaved
        x1, y1, x2, y2, ...; whole numbers 0..255 in float32.

    Raises:
        ValueError: if a parameter is out of range, or the number of channels
            is unknown, not a multiple of 3, or less than 6 (two frames).

    Example:

    >>> clips = np.zeros((1, 3, 64, 64, 18), "uint8")
    >>> keras_vidrec.layers.TVL1OpticalFlow()(clips).shape
    (1, 3, 64, 64, 10)

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.2
          (network inputs).
    """

    def __init__(
        self,
        bound: float = 20.0,
        tau: float = 0.25,
        lambda_: float = 0.15,
        theta: float = 0.3,
        scales: int = 5,
        scale_step: float = 0.8,
        warps: int = 5,
        epsilon: float = 0.01,
        outer_iterations: int = 10,
        inner_iterations: int = 30,
        median_size: int = 5,
        **kwargs: typing.Any,
    ) -> None:
        # Pixels must not be cast to float16, which is too coarse for smoothed
        # pixels.
        super().__init__(autocast=False, **kwargs)
        if not bound > 0:
            raise ValueError(
                f"Expected a positive `bound`. Received: bound={bound}"
            )
        self.bound = bound
        self._parameters = tvl1.Parameters(
            tau,
            lambda_,
            theta,
            scales,
            scale_step,
            warps,
            epsilon,
            outer_iterations,
            inner_iterations,
            median_size,
        )
        self._parameters.check()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if len(input_shape) != 5:
            raise ValueError(
                "Expected clips (batch, segments, height, width, channels). "
                f"Received: input_shape={tuple(input_shape)}"
            )
        if channels is None or channels % 3 or channels < 6:
            raise ValueError(
                "Expected at least two RGB frames stacked along the channels, "
                "3 * (L + 1) in number. Received: "
                f"input_shape={tuple(input_shape)}"
            )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        batch, segments, height, width, channels = ops.shape(inputs)
        num_flows = channels // 3 - 1
        frames = ops.reshape(
            ops.cast(inputs, "float32"),
            (-1, height, width, num_flows + 1, 3),
        )
        gray = ops.transpose(to_gray(frames), (0, 3, 1, 2))
        flow = tvl1.tvl1_flow(
            ops.reshape(gray[:, :-1], (-1, height, width, 1)),
            ops.reshape(gray[:, 1:], (-1, height, width, 1)),
            self._parameters,
        )
        # As in `flow.codec.encode`: 0 becomes exactly 127.5, rounded to 128.
        flow = ops.clip(flow, -self.bound, self.bound)
        code = ops.round(flow * (127.5 / self.bound) + 127.5)
        code = ops.reshape(code, (batch, segments, num_flows, height, width, 2))
        code = ops.transpose(code, (0, 1, 3, 4, 2, 5))
        return ops.reshape(
            code, (batch, segments, height, width, 2 * num_flows)
        )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        channels = typing.cast(int, input_shape[-1])
        return (*input_shape[:-1], 2 * (channels // 3 - 1))

    def compute_output_spec(
        self, inputs: keras.KerasTensor
    ) -> keras.KerasTensor:
        return keras.KerasTensor(
            self.compute_output_shape(inputs.shape), dtype="float32"
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "bound": self.bound,
            **self._parameters._asdict(),
        }


def to_gray(frames):
    """Converts R G B `(..., 3)` to gray, with exactly the values that OpenCV
    computes for 8-bit images."""
    red, green, blue = (frames[..., i] * GRAY[i] for i in range(3))
    return ops.floor((red + green + blue + 16384.0) / 32768.0)
