"""From the names of a scheme to a translation."""

import math

from keras_vidrec.weights.published.schemes.layouts import from_oihw
from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Slot
from keras_vidrec.weights.published.translation import Translation


def translate(scheme, tensors, places, scaling, *, maps=None, ignored=None):
    """The arrays of a checkpoint of one stream, in the layout of PyTorch.

    Args:
        scheme: str. Name of the scheme.
        tensors: dict of arrays by name.
        places: dict of pairs of our layer and its variable by name. Two names
            may have one place; of those in the file the first has it, and the
            others are unknown.
        scaling: dict of `PixelScaling` by modality.
        maps: dict of `(channels, height, width)` by our layer, see
            `layouts.from_oihw`. Defaults to none.
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
    # compared later, and told.
    if slot.variable == "kernel" and array.ndim not in (2, 4):
        return array
    if maps and array.size % math.prod(maps):
        maps = None
    return from_oihw(slot.variable, array, maps)
