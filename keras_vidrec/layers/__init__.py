"""The layers of the networks. Every layer works on every Keras backend and is
registered for saving under `keras_vidrec>`.
"""

from keras_vidrec import lazy
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.conv_fusion_3d import ConvFusion3D
from keras_vidrec.layers.cross_stream_fusion import CrossStreamFusion
from keras_vidrec.layers.local_response_normalization import (
    LocalResponseNormalization,
)
from keras_vidrec.layers.multi_flow import MultiFlow
from keras_vidrec.layers.multiplicative_gate import MultiplicativeGate
from keras_vidrec.layers.pixel_normalization import PixelNormalization
from keras_vidrec.layers.res_inc_block import ResIncBlock
from keras_vidrec.layers.rgb_difference import RGBDifference
from keras_vidrec.layers.score_fusion import ProbabilityFusion
from keras_vidrec.layers.score_fusion import ScoreFusion
from keras_vidrec.layers.segments import FoldSegments
from keras_vidrec.layers.segments import UnfoldSegments
from keras_vidrec.layers.spatial_pooling import CaffePooling
from keras_vidrec.layers.spatial_pooling import SlidingAveragePooling2D
from keras_vidrec.layers.stream_fusion import StreamFusion
from keras_vidrec.layers.temporal_conv import TemporalConv
from keras_vidrec.layers.temporal_identity_conv import TemporalIdentityConv
from keras_vidrec.layers.temporal_identity_conv import TemporalWidenedConv
from keras_vidrec.layers.temporal_max_pooling import TemporalMaxPooling
from keras_vidrec.layers.temporal_segment_pooling import TemporalSegmentPooling
from keras_vidrec.layers.tvl1_optical_flow import TVL1OpticalFlow

__all__ = [
    "BatchNormalization",
    "CaffePooling",
    "ClassScores",
    "ConsensusLayer",
    "ConvFusion3D",
    "CrossStreamFusion",
    "FoldSegments",
    "LocalResponseNormalization",
    "MultiFlow",
    "MultiplicativeGate",
    "PixelNormalization",
    "ProbabilityFusion",
    "RGBDifference",
    "ResIncBlock",
    "ScoreFusion",
    "SlidingAveragePooling2D",
    "StreamFusion",
    "TVL1OpticalFlow",
    "TemporalConv",
    "TemporalIdentityConv",
    "TemporalMaxPooling",
    "TemporalSegmentPooling",
    "TemporalWidenedConv",
    "UnfoldSegments",
]
lazy.close(__name__, __all__)
