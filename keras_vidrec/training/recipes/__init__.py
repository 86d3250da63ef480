"""The recipes of the package: one folder per paper, one file per recipe.

A recipe is named `<network>[_<modality>]_<dataset>[_paper|_code]`. Only TSN has
the suffix, because its paper and its authors' program train differently. Each
file is complete, and has the source of every value next to it. `tables.yaml` in
a folder has the rows of the paper's tables, and experiments from its text
(`recipes.tables`).
"""

import collections.abc
import difflib
import os
import pathlib

from keras_vidrec import lazy
from keras_vidrec.training.recipes.recipe import Recipe

__all__ = ["PAPERS", "RECIPES", "TITLES", "Recipe", "get", "text"]

lazy.close(__name__, __all__)

# Name of the recipe in the directory of a run.
_OF_A_RUN = "recipe.yaml"

FOLDER = pathlib.Path(__file__).parent

TITLES = {
    "quickstart": "Small networks that train from random weights on a laptop",
    "finetune": "Networks that start from ImageNet's weights, for your videos",
    "tsn": "Temporal Segment Networks (Wang et al., 2016)",
    "two_streams": (
        "Two-stream baselines, each as in the paper that builds on it"
    ),
    "two_stream_fusion": (
        "Two-stream network fusion (Feichtenhofer et al., 2016)"
    ),
    "st_resnet": (
        "Spatiotemporal residual networks (Feichtenhofer et al., 2016)"
    ),
    "st_multiplier": (
        "Spatiotemporal multiplier networks (Feichtenhofer et al., 2017)"
    ),
    "ts_lstm": "TS-LSTM and Temporal-Inception (Ma et al., 2017)",
    "stfn": "Spatio-Temporal Fusion Networks (Cho and Foroosh, 2018)",
}
"""dict from a folder of recipes to its title, which is that of a paper."""


def _files(folder: str) -> list[pathlib.Path]:
    """The recipe files of a folder, those of UCF101 before those of HMDB51."""
    files = [
        path
        for path in (FOLDER / folder).glob("*.yaml")
        if path.name != "tables.yaml"
    ]
    return sorted(files, key=lambda path: ("hmdb51" in path.stem, path.stem))


class _Recipes(collections.abc.Mapping):
    """The recipes by name; a file is read on first access."""

    def __init__(self, folders):
        self._paths = {
            path.stem: path for folder in folders for path in _files(folder)
        }
        self._read = {}

    def path(self, name):
        return self._paths[name]

    def __getitem__(self, name):
        if name not in self._read:
            self._read[name] = Recipe.from_file(self._paths[name])
        return self._read[name]

    def __iter__(self):
        return iter(self._paths)

    def __len__(self):
        return len(self._paths)


RECIPES = _Recipes(TITLES)
"""Mapping from the names of the recipes to `Recipe`."""

PAPERS = {
    title: tuple(path.stem for path in _files(folder))
    for folder, title in TITLES.items()
}
"""dict from the title of a paper to a tuple of the names of its recipes."""


def get(
    name_or_file: str | os.PathLike[str] | collections.abc.Mapping | Recipe,
) -> Recipe:
    """Returns a recipe by its name, file, run or values.

    Args:
        name_or_file: str or path. A key of `RECIPES`, or the path of a `.yaml`
            file or of a run; or a dict of the sections, as `Recipe.from_dict`
            takes it; or a `Recipe`, which is returned.

    Returns:
        `Recipe`.

    Raises:
        ValueError: if there is no such recipe (the message contains similar
            names), or a value is invalid.
    """
    if isinstance(name_or_file, Recipe):
        return name_or_file
    if isinstance(name_or_file, collections.abc.Mapping):
        return Recipe.from_dict(name_or_file)
    name_or_file = str(name_or_file)
    if name_or_file in RECIPES:
        return RECIPES[name_or_file]
    return Recipe.from_file(_found(name_or_file))


def text(name_or_file: str) -> str:
    """Returns the text of a recipe file, with its comments.

    Args:
        name_or_file: str. Name or path, as for `get`.

    Returns:
        str, in YAML.

    Raises:
        ValueError: as for `get`.
    """
    get(name_or_file)
    in_package = name_or_file in RECIPES
    path = RECIPES.path(name_or_file) if in_package else _found(name_or_file)
    return pathlib.Path(path).read_text("utf-8")


def _found(name_or_file: str) -> pathlib.Path:
    """The path of the recipe file that a path of a file or a run means."""
    path = pathlib.Path(name_or_file)
    if path.is_file():
        return path
    if (path / _OF_A_RUN).is_file():
        return path / _OF_A_RUN
    near = [name for name in RECIPES if name.startswith(name_or_file)]
    near = near or difflib.get_close_matches(name_or_file, RECIPES, 1)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(
        f"Unknown recipe. {hint}Expected one that `vidrec recipes` lists, "
        f"a YAML file, or a run. Received: {name_or_file!r}"
    )
