"""What the papers report of the recipes."""

import pathlib

import yaml

from keras_vidrec.training.recipes.sections import Reported

_FIGURES = yaml.safe_load(
    pathlib.Path(__file__).with_suffix(".yaml").read_text("utf-8")
)


def of(name):
    """The figures of the paper for a recipe, by its name: tuple of
    `Reported`, empty where there are none."""
    return tuple(Reported(**figure) for figure in _FIGURES.get(name, ()))
