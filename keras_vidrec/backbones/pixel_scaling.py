"""The scaling of raw pixels that each backbone was trained with."""

import dataclasses

from keras_vidrec.specs import checks

CHANNEL_ORDERS = ("rgb", "bgr")


@dataclasses.dataclass(frozen=True)
class PixelScaling:
    """The scaling `(pixels - mean) / std` of pixels 0..255.

    Args:
        mean: float, or tuple of one float per color in `channel_order`.
        std: float, or tuple of one float per color in `channel_order`.
            Defaults to `1.0`.
        channel_order: str. `"rgb"`, or `"bgr"` to reverse the colors before
            scaling; images without colors (flow) keep their order. Defaults
            to `"rgb"`.

    Raises:
        ValueError: if `channel_order` is unknown.
    """

    mean: float | tuple
    std: float | tuple = 1.0
    channel_order: str = "rgb"

    def __post_init__(self):
        checks.choice("channel_order", self.channel_order, CHANNEL_ORDERS)


# To -1..1, for images and flow.
SYMMETRIC = PixelScaling(mean=127.5, std=127.5)
# 128 is the 8-bit code of no motion.
CENTERED_FLOW = PixelScaling(mean=128.0)
UNIT_FLOW = PixelScaling(mean=128.0, std=128.0)
# The mean color of ImageNet, as rounded in two Caffe releases.
BN_INCEPTION_RGB = PixelScaling((104.0, 117.0, 123.0), channel_order="bgr")
CAFFE_RGB = PixelScaling((103.939, 116.779, 123.68), channel_order="bgr")
TORCH_RGB = PixelScaling((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
# EfficientNet-Lite; its authors' code uses 127 as the mean.
LITE_RGB = PixelScaling(127.0, 128.0)
