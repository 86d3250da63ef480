"""From a recipe to the clips that its network wants to see."""

import dataclasses

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.training import network
from keras_vidrec.training.recipes.sections import Initialization


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
