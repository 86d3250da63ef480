"""The recipes that come with the package, one file a paper."""

import difflib
import pathlib

from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.recipes import quickstart
from keras_vidrec.training.recipes import st_multiplier
from keras_vidrec.training.recipes import stfn
from keras_vidrec.training.recipes import ts_lstm
from keras_vidrec.training.recipes import tsn
from keras_vidrec.training.recipes import two_stream_fusion

RECIPES = {
    recipe.name: recipe
    for paper in (
        tsn,
        two_stream_fusion,
        st_multiplier,
        ts_lstm,
        stfn,
        quickstart,
    )
    for recipe in paper.RECIPES
}


def get(name_or_file):
    """A recipe by its name or from its YAML file.

    Args:
        name_or_file: str. A key of `RECIPES`, or the path of a `.yaml` file.

    Returns:
        `Recipe`.

    Raises:
        ValueError: if there is no such recipe, naming the nearest one.
    """
    if name_or_file in RECIPES:
        return RECIPES[name_or_file]
    path = pathlib.Path(name_or_file)
    if path.is_file():
        return Recipe.from_file(path)
    near = difflib.get_close_matches(name_or_file, RECIPES, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ValueError(
        f"Unknown recipe. {hint}Expected one of {tuple(RECIPES)}, or a YAML "
        f"file. Received: {name_or_file!r}"
    )
