"""Networks to measure, by name, and in a precision."""

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
    """A network that is there, by its name.

    Args:
        name: str. As it was given.
        run: `None`, or the `Run` that it is of.
        load: function to the keras.Model.
    """

    name: str
    run: Run | None
    load: typing.Callable


def find(name) -> Named:
    """A network by name; nothing is built, loaded or downloaded yet.

    Args:
        name: `keras.Model`, or what `training.loading.load` takes: the
            directory of a run, a `.keras` file, a preset; or str, the name of
            an application in any spelling, `"TSN"`, with its backbone behind
            it, `"tsn:resnet50"`. It is built with random weights, for 101
            classes.

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
            run.load_model()  # says what it lacks
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
    """The precision that most of a network computes in: the name of a policy
    of Keras."""
    names = {layer.dtype_policy.name for layer in _layers(model)}
    return next((name for name in PRECISIONS[1:] if name in names), "float32")


def in_precision(model, precision):
    """A network of the same kind that computes in a precision, with random
    weights; the network itself if it does already.

    Args:
        model: keras.Model of this package.
        precision: str. One of `PRECISIONS`.

    Raises:
        ValueError: if the network does not know how it was built.
    """
    if precision_of(model) == precision:
        return model
    blueprint = describe(model).blueprint
    if blueprint is None or None in blueprint.backbones.values():
        raise ValueError(
            "Expected a network that this package builds, with a backbone of "
            f"its own, to build it again for precision={precision!r}. "
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


def _plain(name):
    return name.replace("_", "").replace("-", "").lower()
