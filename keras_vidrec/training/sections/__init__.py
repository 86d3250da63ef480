"""The sections of a recipe: frozen dataclasses that check their values."""

from keras_vidrec.training.sections.data import Data
from keras_vidrec.training.sections.fusion import Fusion
from keras_vidrec.training.sections.initialisation import Initialisation
from keras_vidrec.training.sections.network import Network
from keras_vidrec.training.sections.optimiser import Optimiser
from keras_vidrec.training.sections.reported import Reported
from keras_vidrec.training.sections.schedule import Schedule
from keras_vidrec.training.sections.test import Test
from keras_vidrec.training.sections.validation import Validation

__all__ = [
    "Data",
    "Fusion",
    "Initialisation",
    "Network",
    "Optimiser",
    "Reported",
    "Schedule",
    "Test",
    "Validation",
]
