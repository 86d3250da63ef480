"""Pixels that the authors of PyTorch's checkpoints train on, by modality."""

import types

from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.pixel_scaling import PixelScaling

# Where no author trains on differences of images, they are those of images
# that are scaled as theirs.
TORCH = types.MappingProxyType(
    {
        "rgb": pixel_scaling.TORCH_RGB,
        "flow": pixel_scaling.UNIT_FLOW,
        "rgb_diff": PixelScaling(0.0, pixel_scaling.TORCH_RGB.std),
    }
)
SYMMETRIC = types.MappingProxyType(
    {
        "rgb": pixel_scaling.SYMMETRIC,
        "flow": pixel_scaling.SYMMETRIC,
        "rgb_diff": PixelScaling(0.0, pixel_scaling.SYMMETRIC.std),
    }
)
# The last value is 123 in Caffe.
BN_INCEPTION = types.MappingProxyType(
    {
        "rgb": PixelScaling((104.0, 117.0, 128.0), channel_order="bgr"),
        "flow": pixel_scaling.CENTERED_FLOW,
        "rgb_diff": PixelScaling(0.0, channel_order="bgr"),
    }
)
