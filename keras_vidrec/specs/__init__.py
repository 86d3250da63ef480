"""Metadata ("facts") that is saved with networks, datasets and files.

Facts are frozen dataclasses of plain values; `to_dict()` and `from_dict()`
convert them for JSON and YAML. This subpackage also has what all others need:
checks of arguments, atomic writing of files, and locks.
"""

from keras_vidrec import lazy
from keras_vidrec.specs import cache
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.specs import locks
from keras_vidrec.specs.blueprint import Blueprint
from keras_vidrec.specs.clip_spec import ALIGNMENTS
from keras_vidrec.specs.clip_spec import FLOW_METHODS
from keras_vidrec.specs.clip_spec import MODALITIES
from keras_vidrec.specs.clip_spec import SAMPLINGS
from keras_vidrec.specs.clip_spec import TEST_CROPS
from keras_vidrec.specs.clip_spec import ClipSpec
from keras_vidrec.specs.clip_spec import FlowSpec
from keras_vidrec.specs.clip_spec import images_before
from keras_vidrec.specs.fact import Fact
from keras_vidrec.specs.frame_spec import DEINTERLACING
from keras_vidrec.specs.frame_spec import FrameSpec
from keras_vidrec.specs.origin import Origin
from keras_vidrec.specs.origin import fingerprint
from keras_vidrec.specs.test_protocol import PROTOCOLS
from keras_vidrec.specs.test_protocol import THRESHOLD
from keras_vidrec.specs.test_protocol import TestProtocol
from keras_vidrec.specs.video_set import VideoSet

__all__ = [
    "ALIGNMENTS",
    "Blueprint",
    "ClipSpec",
    "DEINTERLACING",
    "FLOW_METHODS",
    "Fact",
    "FlowSpec",
    "FrameSpec",
    "MODALITIES",
    "Origin",
    "PROTOCOLS",
    "SAMPLINGS",
    "TEST_CROPS",
    "THRESHOLD",
    "TestProtocol",
    "VideoSet",
    "cache",
    "checks",
    "documents",
    "files",
    "fingerprint",
    "images_before",
    "locks",
]
lazy.close(__name__, __all__)
