"""The schemes there are."""

from keras_vidrec.weights.published.schemes.caffe import CAFFE
from keras_vidrec.weights.published.schemes.keras_applications import (
    KERAS_APPLICATIONS,
)
from keras_vidrec.weights.published.schemes.matconvnet import MATCONVNET
from keras_vidrec.weights.published.schemes.mmaction2 import MMACTION2
from keras_vidrec.weights.published.schemes.own import KERAS_VIDREC
from keras_vidrec.weights.published.schemes.timm import TIMM
from keras_vidrec.weights.published.schemes.torchvision import TORCHVISION
from keras_vidrec.weights.published.schemes.tsn_pytorch import TSN_PYTORCH

SCHEMES = (
    TORCHVISION,
    TIMM,
    MMACTION2,
    TSN_PYTORCH,
    CAFFE,
    MATCONVNET,
    KERAS_APPLICATIONS,
    KERAS_VIDREC,
)
