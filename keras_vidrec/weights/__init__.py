"""Pure functions that move weights between networks."""

from keras_vidrec.weights.copying import CopyReport
from keras_vidrec.weights.copying import copy_by_name
from keras_vidrec.weights.cross_modality import cross_modality

__all__ = ["CopyReport", "copy_by_name", "cross_modality"]
