"""Finds the networks to measure by name, and builds them in a precision."""

import os
import pathlib
import typing

import keras

from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks
from keras_vidrec.training import loading
from keras_vidrec.training.run import Run
from keras_vidrec.weights import downloads
from keras_vidrec.weights import presets

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
_CLASSES = 101


class Named(typing.NamedTuple):
    """A network that was found by name.

    Args:
        name: str. The name as given.
        run: `None`, or the `Run` of the network.
        load: function without arguments that returns the keras.Model.
    """

    name: str
    run: Run | None
    load: typing.Callable


def find(name) -> Named:
    """Finds a network by name, without building, loading or downloading it.

    Args:
        name: `keras.Model`, or what `training.loading.load` takes: the
            directory of a run, a `.keras` file, a preset; or the name of an
            application, such as `"TSN"`, or of an application and a backbone,
            such as `"TSN:resnet50"`. Case, `-` and `_` in the name of the
            application are ignored. Applications are built with random weights
            and 101 classes.

    Returns:
        `Named`.

    Raises:
        ValueError: if there is no such network, or the run has none yet.
    """
    if isinstance(name, keras.Model):
        return Named(name.name, None, lambda: name)
    checks.check(
        isinstance(name, (str, os.PathLike)) and str(name),
        "names",
        "keras.Models, runs, .keras files, or names of networks",
        name,
    )
    path, text = pathlib.Path(name), str(name)
    if path.is_dir():
        run = Run.open(path)
        if not run.trained_files:
            run.load_model()  # raises an error that says what is missing
        return Named(text, run, run.load_model)
    known = path.exists() or downloads.is_on_hub(name)
    if known or loading.preset_of(name) is not None:
        return Named(text, None, lambda: loading.recognizer(name))
    application, _, backbone = text.partition(":")
    found = _spelled().get(_plain(application))
    if found is None:
        raise ValueError(
            f"{presets.hint(text)}Expected a run, a .keras file, a network "
            "that `vidrec presets` lists, or one of "
            f"{tuple(table.BUILDERS)}, such as TSN or TSN:resnet50. Received: "
            f"{text}, which does not exist"
        )
    arguments = {"backbone": backbone} if backbone else {}
    table.backbones(found, arguments)
    return Named(
        text, None, lambda: table.find(found)(classes=_CLASSES, **arguments)
    )


def precision_of(model) -> str:
    """Returns the precision of a network, one of `PRECISIONS`: that of its
    layers with mixed precision, else `"float32"`."""
    names = {layer.dtype_policy.name for layer in _layers(model)}
    return next((name for name in PRECISIONS[1:] if name in names), "float32")


def in_precision(model, precision):
    """Returns a network in a precision: `model` itself if it has this
    precision, else the same network with random weights.

    Args:
        model: keras.Model of this package.
        precision: str. One of `PRECISIONS`.

    Returns:
        keras.Model.

    Raises:
        ValueError: if the network has another precision and no `Blueprint`, or
            a backbone that was passed as a `keras.Model`.
    """
    if precision_of(model) == precision:
        return model
    blueprint = describe(model).blueprint
    if blueprint is None or None in blueprint.backbones.values():
        raise ValueError(
            f"For precision={precision!r} the network must be built again. "
            "Expected a network and backbone that this package builds. "
            f"Received: model={model.name!r}"
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return table.find(blueprint.application)(**blueprint.arguments)
    finally:
        keras.config.set_dtype_policy(before)


def _layers(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _spelled():
    return {_plain(name): name for name in table.BUILDERS}


def _plain(name: str) -> str:
    """Returns a name in the form in which spellings are compared."""
    return name.replace("_", "").replace("-", "").lower()
