"""Pure functions that move weights between networks."""

from keras_vidrec.weights.copying import CopyReport
from keras_vidrec.weights.copying import copy_by_name
from keras_vidrec.weights.cross_modality import cross_modality
from keras_vidrec.weights.streams import copy_streams

__all__ = ["CopyReport", "copy_by_name", "copy_streams", "cross_modality"]
