"""The recipes that come with the package, one file a paper.

A recipe is named `<network>[_<modality>]_<dataset>[_paper|_code]`, the last for
TSN, whose paper and its authors' program train differently.
"""

import difflib
import pathlib

from keras_vidrec.training.recipes import quickstart
from keras_vidrec.training.recipes import st_multiplier
from keras_vidrec.training.recipes import st_resnet
from keras_vidrec.training.recipes import stfn
from keras_vidrec.training.recipes import ts_lstm
from keras_vidrec.training.recipes import tsn
from keras_vidrec.training.recipes import two_stream_fusion
from keras_vidrec.training.recipes import two_streams
from keras_vidrec.training.recipes.recipe import Recipe

# By paper, as people read them.
PAPERS = {
    paper.PAPER: paper.RECIPES
    for paper in (
        quickstart,
        tsn,
        two_streams,
        two_stream_fusion,
        st_resnet,
        st_multiplier,
        ts_lstm,
        stfn,
    )
}

RECIPES = {
    recipe.name: recipe for recipes in PAPERS.values() for recipe in recipes
}


def get(name_or_file):
    """A recipe by its name or from its YAML file.

    Args:
        name_or_file: str. A key of `RECIPES`, or the path of a `.yaml` file.

    Returns:
        `Recipe`.

    Raises:
        ValueError: if there is no such recipe, naming those that begin so, or
            else the nearest one.
    """
    if name_or_file in RECIPES:
        return RECIPES[name_or_file]
    path = pathlib.Path(name_or_file)
    if path.is_file():
        return Recipe.from_file(path)
    near = [name for name in RECIPES if name.startswith(name_or_file)]
    near = near or difflib.get_close_matches(name_or_file, RECIPES, 1)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(
        f"Unknown recipe. {hint}Expected one that `vidrec recipes` lists, or "
        f"a YAML file. Received: {name_or_file!r}"
    )
