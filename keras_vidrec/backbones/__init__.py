"""2-D networks that turn the images of a snippet into features."""

from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.backbones.table import BACKBONES
from keras_vidrec.backbones.table import find
from keras_vidrec.backbones.table import has_styles
from keras_vidrec.backbones.table import residual_names
from keras_vidrec.backbones.tower import POOLINGS
from keras_vidrec.backbones.tower import get
from keras_vidrec.backbones.tower import preprocessing
from keras_vidrec.backbones.walk import Walk

__all__ = [
    "BACKBONES",
    "POOLINGS",
    "PixelScaling",
    "Walk",
    "find",
    "get",
    "has_styles",
    "preprocessing",
    "residual_names",
]


def __dir__():
    return __all__
