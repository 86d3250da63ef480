"""How the authors of published weights name things."""

import dataclasses
import math
import typing

import numpy as np

from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A row of `table.SCHEMES`.

    Attributes:
        name: str, such as `"torchvision"`.
        formats: tuple of str. Values of `Checkpoint.format` it comes in.
        backbones: tuple of str. Keys of `backbones.BACKBONES` it has names
            for.
        translate: callable from a `Checkpoint` and the name of a backbone to a
            `Translation`. It uses only names and shapes, not a model; if the
            names belong to another scheme, the translation has no pieces.
    """

    name: str
    formats: tuple
    backbones: tuple
    translate: typing.Callable


def translate_by_name(
    scheme, tensors, places, scaling, *, maps=None, ignored=None
):
    """The arrays of a checkpoint of one stream, in the layout of PyTorch.

    Args:
        scheme: str. Name of the scheme.
        tensors: dict of arrays by name.
        places: dict of pairs of our layer and its variable by name. Two names
            may have one place; of those in the file the first has it, and the
            others are unknown.
        scaling: dict of `PixelScaling` by modality.
        maps: dict of `(channels, height, width)` by our layer, see
            `from_oihw`. Defaults to none.
        ignored: dict of reasons by the names of tensors that no network
            needs. Defaults to none.

    Returns:
        `Translation`, without pieces and with all names unknown if not a
        single one has a place.
    """
    maps, ignored = maps or {}, ignored or {}
    pieces = {}
    for name, place in places.items():
        slot = Slot(None, *place)
        if name in tensors and slot not in pieces:
            array = _laid_out(slot, tensors[name], maps.get(slot.layer))
            pieces[slot] = Piece(name, array)
    if not pieces:
        ignored = {}
    used = {piece.source for piece in pieces.values()} | ignored.keys()
    unknown = tuple(name for name in tensors if name not in used)
    return Translation(
        scheme, pieces, scaling, ignored=dict(ignored), unknown=unknown
    )


def _laid_out(slot, array, maps):
    # An array of another network may have any shape; that of the layer is
    # compared later.
    if slot.variable == "kernel" and array.ndim not in (2, 4):
        return array
    if maps and array.size % math.prod(maps):
        maps = None
    return from_oihw(slot.variable, array, maps)


def from_oihw(variable, array, maps=None):
    """An array of PyTorch or Caffe in the layout of Keras.

    Args:
        variable: str, as `Slot` has it.
        array: a kernel `(filters, channels, height, width)` or `(filters,
            features)`; or a vector, perhaps with axes of length 1 (`(1, C)`).
        maps: `None`, or tuple `(channels, height, width)`: the kernel is of a
            fully connected layer on flattened maps of this shape, to be used
            as a convolution. Defaults to `None`.

    Returns:
        float array: a kernel `(height, width, channels, filters)` or
        `(features, filters)`; or a vector.
    """
    array = np.asarray(array)
    if variable != "kernel":
        return array.reshape(-1)
    if maps is not None:
        array = array.reshape(-1, *maps)
    if array.ndim == 2:
        return array.T
    return array.transpose(2, 3, 1, 0)
