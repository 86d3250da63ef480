"""Reaching what flows between the layers of a network, however deep."""

import contextlib

import keras

from keras_vidrec.specs import MODALITIES


def walk(model, path=()):
    """Yields `(path, layer)` of all layers of a network in the order in which
    they are called. Networks inside it are not among them; their layers are,
    with the names of the networks around them as `path`."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from walk(layer, (*path, layer.name))
        else:
            yield path, layer


def stream_of(path, layer):
    """The modality that a layer sees; `None` if it sees all of them.

    Towers are networks named for their stream, or for it and more
    (`rgb_tower`), and so are layers beside them (`flow_res5b_relu`).
    """
    for name in (*path, layer.name):
        found = [
            modality
            for modality in MODALITIES
            if name == modality or name.startswith(f"{modality}_")
        ]
        if found:
            return max(found, key=len)  # rgb_diff is not rgb
    return None


@contextlib.contextmanager
def tap(layers, exchange):
    """Puts a hand into the streams of a network while it is called.

    Tensors inside of nested networks cannot be outputs of the network around
    them. What can be had is each layer's call: while this context lasts, its
    output passes through `exchange(layer, inputs, outputs)`, called with the
    first argument and what the layer returned; what it returns goes on through
    the network.
    """
    with contextlib.ExitStack() as stack:
        for layer in layers:
            # The attribute of the object hides the method of the class.
            layer.call = _tapped(layer, layer.call, exchange)
            stack.callback(delattr, layer, "call")
        yield


def _tapped(layer, call, exchange):
    def tapped(inputs, *args, **kwargs):
        return exchange(layer, inputs, call(inputs, *args, **kwargs))

    return tapped
