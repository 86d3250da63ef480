"""Makes the recipe that trains an existing network on other videos."""

import collections.abc
import dataclasses
import os
import pathlib
import typing

import keras

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks
from keras_vidrec.training.recipes.data import Data
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Network

# Arguments of a network that the dataset determines.
_OF_THE_DATA = ("classes",)


def recipe_of(
    model: keras.Model,
    recipe: Recipe,
    data: str | os.PathLike[str] | collections.abc.Mapping[str, typing.Any],
    start: pathlib.Path,
) -> Recipe:
    """Returns a recipe that trains a network in the way of another recipe.

    Args:
        model: keras.Model of this package.
        recipe: `Recipe`: how to train. Its sections `network` and `clip` are
            replaced by those of the model.
        data: path or URL of the dataset, or mapping with keys of the section
            `data`.
        start: path of a `.keras` file. If the recipe starts from weights, the
            model is written there, and the returned recipe starts from it.

    Returns:
        `Recipe`.

    Raises:
        ValueError: if no builder made the model, its backbone is a
            `keras.Model`, or another network is at `start`.
    """
    described = describe(model)
    blueprint, spec = described.blueprint, described.clip_spec
    is_own = blueprint is not None and None in blueprint.backbones.values()
    if blueprint is None or spec is None or is_own:
        raise checks.ArgumentError(
            "model",
            "a network that `keras_vidrec.applications` built, of backbones "
            "that have names, so that it can be built for other classes",
            getattr(model, "name", model),
        )
    with checks.inside("model."):
        known = table.find(blueprint.application).defaults
    arguments = {
        name: value
        for name, value in blueprint.arguments.items()
        if name not in _OF_THE_DATA
    }
    dropout = arguments.pop("dropout", None)
    if recipe.network.head_dropout is not None and "dropout" in known:
        dropout = recipe.network.head_dropout
    clip = {k: v for k, v in spec.to_dict().items() if k != "flow"}
    initialization = recipe.initialization
    if initialization.weights is not None:
        _write(model, start)
        initialization = dataclasses.replace(
            initialization, weights=str(start.absolute())
        )
    section = (
        data
        if isinstance(data, collections.abc.Mapping)
        else {"directory": data}
    )
    fields = [field.name for field in dataclasses.fields(Data)]
    for name in section:
        checks.known("key of data", name, fields)
    return dataclasses.replace(
        recipe.with_data(**section),
        network=Network(
            blueprint.application,
            arguments,
            head_dropout=dropout,
            batch_norm_momentum=recipe.network.batch_norm_momentum,
        ),
        clip=clip,
        initialization=initialization,
    )


def _write(model: keras.Model, path: pathlib.Path) -> None:
    """Writes the network from which a run starts to a file, or checks that the
    file has the same network."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        model_file.save(model, path)
        return
    there = describe(model_file.load(path)).origin
    checks.check(
        there is not None
        and there.fingerprint == feature_tower.fingerprint(model),
        "out",
        f"a run of this network, or another directory: {path} is another "
        "network, which a run there started from",
        str(path),
    )
