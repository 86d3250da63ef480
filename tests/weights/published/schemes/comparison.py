"""Translations against the tensors they were made from."""

import functools

import numpy as np

from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import slots
from tests.backbones.reference import tower_without_weights


def checkpoint(tensors, **facts):
    return Checkpoint("w.pth", "pytorch", tensors, facts)


def zeros(*shape):
    """Of any size, in four bytes."""
    return np.broadcast_to(np.float32(0), shape)


def check_every_weight(translation, backbone, **kwargs):
    """All weights of the tower that `backbones.get` makes are there, in their
    shapes, or known to be zero, and no others but the classifier."""
    shapes, features = _tower(backbone, **kwargs)
    arrays = {slot: piece.array for slot, piece in translation.pieces.items()}
    kernel = arrays.pop(Slot(None, "logits", "kernel"))
    bias = arrays.pop(Slot(None, "logits", "bias"))
    assert kernel.shape == (features, *bias.shape)
    found = {slot: array.shape for slot, array in arrays.items()}
    assert found.keys().isdisjoint(translation.zero_biases)
    for slot in translation.zero_biases:
        found[slot] = shapes[slot]
    assert found == shapes


@functools.cache
def _tower(backbone, **kwargs):
    tower = tower_without_weights(backbone, **kwargs)
    shapes = {slot: tuple(w.shape) for slot, w in slots(tower).items()}
    return shapes, tower.output_shape[-1]


def check_arrays(translation, tensors):
    """Every array holds the numbers of its tensor, in Keras's order."""
    for slot, piece in translation.pieces.items():
        tensor = tensors[piece.source]
        if slot.variable != "kernel":
            tensor = tensor.flatten()
        elif tensor.ndim == 2:
            tensor = np.einsum("of->fo", tensor)
        else:
            tensor = np.einsum("oihw->hwio", tensor)
        np.testing.assert_array_equal(piece.array, tensor)


def check_sources(translation, sources):
    """Some weights come from the tensors that are written out."""
    for place, name in sources.items():
        layer, variable = place.split("/")
        assert translation.pieces[Slot(None, layer, variable)].source == name


def check_counters(translation, count):
    assert len(translation.ignored) == count
    for name, reason in translation.ignored.items():
        assert name.endswith(".num_batches_tracked")
        assert reason == "counts training steps"
