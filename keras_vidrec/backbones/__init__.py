"""2-D networks that turn the images of a snippet into features."""

from keras_vidrec.backbones.pixel_scaling import PixelScaling as PixelScaling
from keras_vidrec.backbones.tower import BACKBONES as BACKBONES
from keras_vidrec.backbones.tower import get as get
from keras_vidrec.backbones.tower import preprocessing as preprocessing
