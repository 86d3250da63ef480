import typing

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vidrec")
class RGBDifference(keras.layers.Layer):
    """Computes differences of neighboring frames, as motion without optical
    flow.

    A snippet of L + 1 raw frames, stacked frame-major along the channels,
    becomes L differences `frame[i + 1] - frame[i]` in -255..255, frame-major
    too. Computed in float32 under any dtype policy, so that 8-bit pixels
    neither wrap around nor lose precision.

    Args:
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(..., 3 * (L + 1))`, pixels 0..255 of any dtype.

    Output shape:
        `(..., 3 * L)`.

    Raises:
        ValueError: if the number of channels is unknown, not a multiple of 3,
            or less than 6 (two frames).

    Example:

    >>> clips = np.zeros((2, 3, 224, 224, 18), "uint8")
    >>> keras_vidrec.layers.RGBDifference()(clips).shape
    (2, 3, 224, 224, 15)

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.2
          (network inputs) and figure 2.
    """

    def __init__(self, **kwargs: typing.Any) -> None:
        # `call` casts to float32, because differences of uint8 would wrap
        # around. A cast to float16 before would round scaled pixels.
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if channels is None or channels % 3 or channels < 6:
            raise ValueError(
                "Expected at least two RGB frames stacked along the channels, "
                "3 * (L + 1) in number. Received: "
                f"input_shape={tuple(input_shape)}"
            )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        frames = ops.cast(inputs, "float32")
        return frames[..., 3:] - frames[..., :-3]

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        channels = typing.cast(int, input_shape[-1])
        return (*input_shape[:-1], channels - 3)

    def compute_output_spec(
        self, inputs: keras.KerasTensor
    ) -> keras.KerasTensor:
        return keras.KerasTensor(
            self.compute_output_shape(inputs.shape), dtype="float32"
        )
