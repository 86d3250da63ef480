"""The networks of the papers, as builders of functional Keras models."""

from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.tsn import TSN

__all__ = ["TSN", "LateFusion"]
