"""2-D networks that compute features of images."""

from keras_vidrec import lazy
from keras_vidrec.backbones.model_walk import ModelWalk
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.backbones.table import BACKBONES
from keras_vidrec.backbones.table import find
from keras_vidrec.backbones.table import residual_names
from keras_vidrec.backbones.tower import check_features
from keras_vidrec.backbones.tower import get
from keras_vidrec.backbones.tower import pooling_layer
from keras_vidrec.backbones.tower import preprocessing
from keras_vidrec.backbones.walk import Walk

__all__ = [
    "BACKBONES",
    "ModelWalk",
    "PixelScaling",
    "Walk",
    "check_features",
    "find",
    "get",
    "pooling_layer",
    "preprocessing",
    "residual_names",
]
lazy.close(__name__, __all__)
