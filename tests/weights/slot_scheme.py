"""A scheme whose tensors are called by their slots, such as `rgb:conv1:kernel`,
and conversions by it."""

import numpy as np
import pytest

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import convert
from keras_vidrec.weights import pixels
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import slots

TINY = {"backbone": "tiny", "classes": 5}
SCALING = {
    "rgb": PixelScaling((1.0, 2.0, 3.0), (2.0, 4.0, 8.0), "bgr"),
    "flow": PixelScaling(127.5, 57.63),
    "rgb_diff": PixelScaling(0.0, (2.0, 4.0, 8.0), "bgr"),
}
# What no network needs.
IGNORED = "steps"


def translate(checkpoint, backbone):
    pieces, unknown = {}, []
    for name, array in checkpoint.tensors.items():
        stream, *place = name.split(":")
        if len(place) == 2:
            pieces[Slot(stream or None, *place)] = Piece(name, array)
        elif name != IGNORED:
            unknown.append(name)
    ignored = {IGNORED: "counts steps"} if pieces else {}
    return Translation(
        "ours", pieces, SCALING, ignored=ignored, unknown=tuple(unknown)
    )


SCHEME = Scheme("ours", ("pytorch",), ("tiny",), translate)


def checkpoint_for(model, seed=0):
    rng = np.random.default_rng(seed)
    tensors = {
        ":".join((slot.stream or "", *slot[1:])): rng.uniform(
            0.5, 1.5, variable.shape
        ).astype("float32")
        for slot, variable in slots(model).items()
    }
    return Checkpoint("net.pth", "pytorch", {**tensors, IGNORED: np.int64(3)})


def changed(checkpoint, **tensors):
    """The same with other tensors; `None` removes one."""
    tensors = {**checkpoint.tensors, **tensors}
    kept = {name: x for name, x in tensors.items() if x is not None}
    return Checkpoint(checkpoint.path, checkpoint.format, kept)


def values(model):
    return {slot: np.array(variable) for slot, variable in slots(model).items()}


def check_values(model, checkpoint, other=()):
    """Every weight is its tensor, but those of the `other` layers."""
    for slot, value in values(model).items():
        if slot.layer not in other:
            name = ":".join((slot.stream or "", *slot[1:]))
            np.testing.assert_array_equal(value, checkpoint.tensors[name])


def refused(checkpoint, model, **arguments):
    """The message; nothing may have changed."""
    before, scalings = values(model), _scalings(model)
    with pytest.raises(ValueError) as caught:
        convert(checkpoint, model, **arguments)
    after = values(model)
    for slot, value in before.items():
        np.testing.assert_array_equal(value, after[slot])
    assert _scalings(model) == scalings
    return str(caught.value)


def _scalings(model):
    return {
        modality: layer.get_config()
        for modality, layer in pixels.pixel_layers(model).items()
    }
