"""From a recipe to a trained network."""

from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.training.freezing import partial_batch_norm
from keras_vidrec.training.optimizers.solvers import CaffeSGD
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run
from keras_vidrec.training.trainer import train

__all__ = [
    "CaffeSGD",
    "Recipe",
    "Run",
    "inference_model",
    "partial_batch_norm",
    "train",
]
