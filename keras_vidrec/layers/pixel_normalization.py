import collections.abc
import typing

import keras
from keras import ops

from keras_vidrec.specs import checks

CHANNEL_ORDERS = ("rgb", "bgr")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class PixelNormalization(keras.layers.Layer):
    """Scales raw 8-bit pixels to the range that a backbone was trained on.

    Computes `(pixels - mean) / std`, after changing the colors of each frame to
    `channel_order`. It is part of the model, so that a saved or exported model
    takes raw frames and the scaling is saved with the weights. Computed in
    float32 under any dtype policy.

    Args:
        mean: float, or tuple of floats, one per channel of a frame, *in
            `channel_order`*, on the scale 0..255. Defaults to `0.0`.
        std: float, or tuple of floats like `mean`. Defaults to `1.0`.
        channel_order: str. `"rgb"` does not change the channels (R G B, or
            flow x y), `"bgr"` reverses the three colors of every frame.
            Defaults to `"rgb"`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(..., channels)`, pixels 0..255 of any dtype. Several
            frames may be stacked along the channels, frame-major: a tuple
            `mean` or `std` is repeated for each frame.

    Output shape:
        Same as the input, float32.

    Raises:
        ValueError: if `std` is not positive, `channel_order` is unknown, or
            the number of channels is not a multiple of the length of `mean` or
            `std`, or of 3 for `"bgr"`.

    Example:

    >>> frames = np.full((2, 3, 224, 224, 3), 255, "uint8")
    >>> layer = keras_vidrec.layers.PixelNormalization(127.5, 127.5)
    >>> float(layer(frames)[0, 0, 0, 0, 0])
    1.0
    """

    def __init__(
        self,
        mean: float | collections.abc.Sequence[float] = 0.0,
        std: float | collections.abc.Sequence[float] = 1.0,
        channel_order: typing.Literal["rgb", "bgr"] = "rgb",
        **kwargs: typing.Any,
    ) -> None:
        # Inputs are cast to float32 here, not to the policy's compute dtype.
        super().__init__(autocast=False, **kwargs)
        self.mean = _number_or_tuple(mean)
        self.std = _number_or_tuple(std)
        checks.check(
            min(_as_tuple(self.std)) > 0, "std", "positive numbers", std
        )
        checks.choice("channel_order", channel_order, CHANNEL_ORDERS)
        self.channel_order = channel_order

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        period = 3 if self.channel_order == "bgr" else 1
        for length in (
            period,
            len(_as_tuple(self.mean)),
            len(_as_tuple(self.std)),
        ):
            if channels is None or channels % length:
                raise ValueError(
                    f"Expected a multiple of {length} channels for mean="
                    f"{self.mean}, std={self.std} and channel_order="
                    f"{self.channel_order!r}. Received: "
                    f"input_shape={tuple(input_shape)}"
                )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        pixels = ops.cast(inputs, "float32")
        channels = inputs.shape[-1]
        if self.channel_order == "bgr":
            order = [3 * (i // 3) + 2 - i % 3 for i in range(channels)]
            pixels = ops.take(pixels, order, axis=-1)
        return (pixels - _repeated(self.mean, channels)) / _repeated(
            self.std, channels
        )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return input_shape

    def compute_output_spec(
        self, inputs: keras.KerasTensor
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype="float32")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "mean": self.mean,
            "std": self.std,
            "channel_order": self.channel_order,
        }


def _number_or_tuple(value):
    if isinstance(value, (list, tuple)):
        return tuple(float(number) for number in value)
    return float(value)


def _as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def _repeated(value, channels):
    values = _as_tuple(value)
    return ops.convert_to_tensor(values * (channels // len(values)), "float32")
