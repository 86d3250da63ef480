"""What the network of a recipe is, for those who do not train it."""

import dataclasses

from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks
from keras_vidrec.training import network
from keras_vidrec.training.recipes.initialization import Initialization


def builder(recipe):
    """The application of a recipe."""
    with checks.inside("network."):
        return table.find(recipe.network.application)


def backbones(recipe):
    """The backbones of the network of a recipe, as `table.backbones` finds
    them."""
    return _asked(table.backbones, recipe)


def streams(recipe):
    """What the network of a recipe sees, as `table.streams` finds it."""
    return _asked(table.streams, recipe)


def sees_features(recipe):
    """Whether the network of a recipe sees features instead of images, as
    `table.sees_features` finds it."""
    return _asked(table.sees_features, recipe)


def clip_spec(recipe):
    """The `ClipSpec` of a recipe: of its network, with the recipe's changes.

    The network is built for it, from random weights, and forgotten.

    Args:
        recipe: `Recipe`.

    Returns:
        `ClipSpec`.

    Raises:
        ValueError: as `network.build`.
    """
    random = dataclasses.replace(recipe, initialization=Initialization())
    model = network.build(random, ("yes", "no"))
    return describe(model).clip_spec


def _asked(question, recipe):
    builder(recipe)
    with checks.inside("network.arguments."):
        return question(recipe.network.application, recipe.network.arguments)
