"""Naming schemes of published weights."""

import dataclasses
import math
import typing

import numpy as np

from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot


@dataclasses.dataclass(frozen=True)
class Scheme:
    """The names that a library or an author uses: an item of
    `recognition.SCHEMES`.

    Attributes:
        name: str, such as `"torchvision"`.
        formats: tuple of str. Values of `Checkpoint.format` of its files.
        backbones: tuple of str. Keys of `backbones.BACKBONES` that it has.
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
    """Translates the arrays of one stream from the layout of PyTorch or Caffe.

    Args:
        scheme: str. Name of the scheme.
        tensors: dict from names to arrays.
        places: dict from names to pairs of our layer and its variable. If two
            names in the file have the same pair, the first one is used, and
            the other is unknown.
        scaling: dict from modalities to `PixelScaling`.
        maps: dict from our layers to `(channels, height, width)`; see
            `from_oihw`. Defaults to none.
        ignored: dict from the names of tensors that no network needs to the
            reason. Defaults to none.

    Returns:
        `Translation`. If none of the names is in `places`, it has no pieces and
        all names are unknown.
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
    # An array of another network may have any shape; `Matching` compares it
    # with that of the layer.
    if slot.variable == "kernel" and array.ndim not in (2, 4):
        return array
    if maps and array.size % math.prod(maps):
        maps = None
    return from_oihw(slot.variable, array, maps)


def from_oihw(variable, array, maps=None):
    """Returns an array of PyTorch or Caffe in the layout of Keras.

    Args:
        variable: str. See `Slot`.
        array: a kernel `(filters, channels, height, width)` or `(filters,
            features)`; or a vector, perhaps with axes of length 1 (`(1, C)`).
        maps: `None`, or tuple `(channels, height, width)` for the kernel of a
            fully connected layer on flattened maps of this shape, which becomes
            that of a convolution. Defaults to `None`.

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
