"""Copying weights between networks, and importing published ones."""

from keras_vidrec import lazy
from keras_vidrec.weights import presets
from keras_vidrec.weights.copying import CopyReport
from keras_vidrec.weights.copying import copy_by_name
from keras_vidrec.weights.cross_modality import cross_modality
from keras_vidrec.weights.imagenet import imagenet
from keras_vidrec.weights.published.conversion import convert
from keras_vidrec.weights.published.import_report import ImportReport
from keras_vidrec.weights.streams import copy_streams

__all__ = [
    "CopyReport",
    "ImportReport",
    "convert",
    "copy_by_name",
    "copy_streams",
    "cross_modality",
    "imagenet",
    "presets",
]
lazy.close(__name__, __all__)
