"""Properties of the network of a recipe, for code that does not train it."""

import dataclasses

from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks
from keras_vidrec.training import network
from keras_vidrec.training.recipes.initialization import Initialization


def builder(recipe):
    """Returns the builder of the network of a recipe.

    Raises:
        ValueError: if there is no such application.
    """
    with checks.inside("network."):
        return table.find(recipe.network.application)


def backbones(recipe):
    """Returns the backbones of the network of a recipe, see
    `table.backbones`."""
    return _asked(table.backbones, recipe)


def streams(recipe):
    """Returns the streams of the network of a recipe, see `table.streams`."""
    return _asked(table.streams, recipe)


def sees_features(recipe):
    """Returns whether the input of the network of a recipe is features instead
    of images, see `table.sees_features`."""
    return _asked(table.sees_features, recipe)


def clip_spec(recipe):
    """The `ClipSpec` of a recipe: that of its network, with the recipe's
    changes. To find it, the network is built with random weights.

    Args:
        recipe: `Recipe`.

    Returns:
        `ClipSpec`.

    Raises:
        ValueError: as for `network.build`.
    """
    random = dataclasses.replace(recipe, initialization=Initialization())
    model = network.build(random, ("yes", "no"))
    return describe(model).clip_spec


def _asked(question, recipe):
    """Calls a function of `table` with the application of a recipe and its
    arguments."""
    builder(recipe)
    with checks.inside("network.arguments."):
        return question(recipe.network.application, recipe.network.arguments)
