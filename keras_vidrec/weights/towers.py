"""The towers of a network, one a stream."""

import keras

from keras_vidrec.specs.clip_spec import MODALITIES

# Where an input has the name of the stream, its tower cannot have it too.
_SUFFIX = "_tower"


def stream_of(name):
    """The stream that a nested model of this name belongs to: the name, less
    an ending `_tower`, if that is a modality; else `None`."""
    stream = name.removesuffix(_SUFFIX)
    return stream if stream in MODALITIES else None


def towers(model):
    """The towers of a network: its nested models named by a stream.

    Args:
        model: keras.Model.

    Returns:
        dict of keras.Model by stream (`"rgb"` for a tower named `rgb` or
        `rgb_tower`), in the order of the model's layers; empty for a bare
        tower.
    """
    return {
        stream_of(layer.name): layer
        for layer in model.layers
        if isinstance(layer, keras.Model) and stream_of(layer.name)
    }
