"""The networks of the papers, as builders of functional Keras models."""

from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.spatiotemporal_multiplier import (
    SpatiotemporalMultiplier,
)
from keras_vidrec.applications.st_resnet import STResNet
from keras_vidrec.applications.tsn import TSN
from keras_vidrec.applications.two_stream_convnet import TwoStreamConvNet
from keras_vidrec.applications.two_stream_fusion import TwoStreamFusion

__all__ = [
    "TSN",
    "LateFusion",
    "STResNet",
    "SpatiotemporalMultiplier",
    "TwoStreamConvNet",
    "TwoStreamFusion",
]
