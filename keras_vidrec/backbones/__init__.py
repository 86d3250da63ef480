"""2-D networks that turn the images of a snippet into features."""

from keras_vidrec.backbones.model_walk import ModelWalk as ModelWalk
from keras_vidrec.backbones.pixel_scaling import PixelScaling as PixelScaling
from keras_vidrec.backbones.table import BACKBONES as BACKBONES
from keras_vidrec.backbones.table import find as find
from keras_vidrec.backbones.table import residual_names as residual_names
from keras_vidrec.backbones.tower import POOLINGS as POOLINGS
from keras_vidrec.backbones.tower import check_features as check_features
from keras_vidrec.backbones.tower import get as get
from keras_vidrec.backbones.tower import preprocessing as preprocessing
from keras_vidrec.backbones.walk import Walk as Walk
