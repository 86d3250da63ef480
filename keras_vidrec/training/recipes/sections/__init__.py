"""The sections of a recipe: frozen dataclasses that check their values."""

from keras_vidrec.training.recipes.sections.data import Data
from keras_vidrec.training.recipes.sections.fusion import Fusion
from keras_vidrec.training.recipes.sections.initialization import Initialization
from keras_vidrec.training.recipes.sections.network import Network
from keras_vidrec.training.recipes.sections.optimizer import Optimizer
from keras_vidrec.training.recipes.sections.reported import Reported
from keras_vidrec.training.recipes.sections.schedule import Schedule
from keras_vidrec.training.recipes.sections.test import Test
from keras_vidrec.training.recipes.sections.validation import Validation

__all__ = [
    "Data",
    "Fusion",
    "Initialization",
    "Network",
    "Optimizer",
    "Reported",
    "Schedule",
    "Test",
    "Validation",
]
