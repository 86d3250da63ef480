"""The networks of the papers, as builders of functional Keras models."""

from keras_vidrec import lazy
from keras_vidrec.applications.joining import join
from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.spatiotemporal_multiplier import (
    SpatiotemporalMultiplier,
)
from keras_vidrec.applications.st_resnet import STResNet
from keras_vidrec.applications.stfn import STFN
from keras_vidrec.applications.temporal_inception import TemporalInception
from keras_vidrec.applications.tslstm import TSLSTM
from keras_vidrec.applications.tsn import TSN
from keras_vidrec.applications.two_stream_convnet import TwoStreamConvNet
from keras_vidrec.applications.two_stream_fusion import TwoStreamFusion

__all__ = [
    "STFN",
    "TSLSTM",
    "TSN",
    "LateFusion",
    "STResNet",
    "SpatiotemporalMultiplier",
    "TemporalInception",
    "TwoStreamConvNet",
    "TwoStreamFusion",
    "join",
]
lazy.close(__name__, __all__)
