"""Import of published weights into networks of this package."""

import collections.abc
import os

import keras

from keras_vidrec.specs import checks
from keras_vidrec.weights import pixels
from keras_vidrec.weights.cross_modality import MODES
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.import_report import ImportReport
from keras_vidrec.weights.published.matching import CLASSIFIER
from keras_vidrec.weights.published.matching import HEAD
from keras_vidrec.weights.published.matching import Matching
from keras_vidrec.weights.published.readers.opening import open_checkpoint
from keras_vidrec.weights.published.recognition import recognize
from keras_vidrec.weights.towers import backbones_of
from keras_vidrec.weights.towers import layer_places
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import slots

# The number of items of each kind that an error shows.
_SHOWN = 10


def convert(
    source: str | os.PathLike[str] | Checkpoint,
    model: keras.Model,
    *,
    allow_missing: collections.abc.Sequence[str] = (),
    allow_unused: collections.abc.Sequence[str] = (),
    inflate: str | None = None,
    backbone: str | collections.abc.Mapping[str, str] | None = None,
) -> ImportReport:
    """Loads published weights into a network.

    The format and the names are recognized by content. Unless `allow_missing`
    and `allow_unused` permit it, every tensor of the file must be used, and
    every weight of the model loaded; otherwise the model is not changed. The
    pixel scaling that the weights were trained with is set in the model. A file
    of several streams can be loaded into a network of these streams, whose
    backbones may differ, or into a network of one of them.

    Args:
        source: path of a file, or `Checkpoint`.
        model: keras.Model to change in place: a network of this package, or a
            bare tower of `backbones.get`.
        allow_missing: sequence of str. Layers that keep their weights if the
            file has none that fit: `"head"` for the classifiers, for example
            with another number of classes; or names of layers of the model.
            Defaults to `()`.
        allow_unused: sequence of str. Tensors of the file that may be left
            out: names, or patterns such as `"aux.*"`. Defaults to `()`.
        inflate: `None`, or str, a mode of `weights.cross_modality`: how a
            first convolution of three colors is converted to the channels of
            motion. Defaults to `None`: it must fit.
        backbone: `None`; or, for a model without a record of its backbones,
            such as a bare tower, the name of its backbone, or a dict of names
            by stream. Defaults to `None`.

    Returns:
        `ImportReport`.

    Raises:
        ValueError: if the format or the names of the file are unknown, or
            weights and model do not fit, with a list of all problems. Nothing
            is changed then.
        ImportError: naming the extra to install, if the format needs one.

    Example:

    >>> flow = TSN(modality="flow", classes=101)
    >>> keras_vidrec.weights.convert(
    ...     "bn_inception.pth", flow, allow_missing=["head"], inflate="avg"
    ... )
    """
    checks.choice("inflate", inflate, (None, *MODES))
    _check_names("allow_unused", allow_unused)
    may_miss = _places_that_may_miss(model, allow_missing)
    backbones = backbones_of(model, backbone)
    opened = (
        source if isinstance(source, Checkpoint) else open_checkpoint(source)
    )
    translation = recognize(opened, backbones)
    matching = Matching(
        opened,
        translation,
        model,
        streams=tuple(backbones),
        may_miss=may_miss,
        allow_unused=allow_unused,
        inflate=inflate,
    )
    if matching.problems:
        names = " + ".join(dict.fromkeys(backbones.values()))
        raise ValueError(
            f"Expected weights for all of {model.name!r} ({names}) and "
            f"nothing else. Received: {opened.path}, of {translation.scheme} "
            f"names, with {len(matching.arrays)} of {len(slots(model))} of "
            f"them. {'. '.join(_stated(matching.problems))}"
        )
    pixels.scale_pixels(model, matching.scalings)
    variables = slots(model)
    for slot, array in matching.arrays.items():
        variables[slot].assign(array)
    return matching.report()


def _stated(problems):
    """Yields a text for each kind of problem, with its first items."""
    for kind, items in problems.items():
        more = len(items) - _SHOWN
        yield f"{kind}, {len(items)}: {', '.join(items[:_SHOWN])}" + (
            f" and {more} more" if more > 0 else ""
        )


def _check_names(argument, names):
    if isinstance(names, str) or not all(
        isinstance(name, str) for name in names
    ):
        raise ValueError(
            f"Invalid `{argument}`. Expected a sequence of names. Received: "
            f"{argument}={names!r}"
        )


def _places_that_may_miss(model, names):
    """Returns the pairs of stream and layer that `allow_missing` permits."""
    _check_names("allow_missing", names)
    places = layer_places(layers_by_path(model))
    allowed = set()
    for name in names:
        layer = CLASSIFIER if name == HEAD else name
        found = {
            place for path, place in places.items() if layer in (path, place[1])
        }
        if not found and name != HEAD:
            raise ValueError(
                f"Invalid `allow_missing`. Expected {HEAD!r} or layers of "
                f"{model.name!r}. Received: {name!r}"
            )
        allowed |= found
    return allowed
