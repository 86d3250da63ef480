"""What the papers report of the recipes."""

import pathlib

from keras_vidrec.specs import documents
from keras_vidrec.training.recipes.sections import Reported

_FIGURES = documents.read_yaml(pathlib.Path(__file__).with_suffix(".yaml"))


def of(name):
    """The figures of the paper for a recipe, by its name: tuple of
    `Reported`, empty where there are none."""
    return tuple(Reported(**figure) for figure in _FIGURES.get(name, ()))
