"""Reads and replaces the outputs of layers inside nested networks."""

import contextlib

import keras

from keras_vidrec.specs import MODALITIES


def walk(model, path=()):
    """Yields `(path, layer)` of all layers of a network in the order of their
    calls. Instead of inner networks their layers are included, with the names
    of the networks around them as `path`."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from walk(layer, (*path, layer.name))
        else:
            yield path, layer


def stream_of(path, layer):
    """Returns the modality of the stream of a layer; `None` for layers after
    the streams.

    The names of towers (`rgb_tower`) and of single layers of a stream
    (`flow_res5b_relu`) are the stream, or start with it.
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
    """Reads or replaces the outputs of layers in calls of a network inside this
    context.

    Tensors inside nested networks cannot be outputs of the outer network, so
    the method `call` of the layers is replaced.

    Args:
        layers: iterable of layers.
        exchange: function `exchange(layer, inputs, outputs)`, which is called
            with the first argument and the result of each call of a layer. Its
            result is used instead of `outputs`.
    """
    with contextlib.ExitStack() as stack:
        for layer in layers:
            # The attribute of the object overrides the method of the class.
            layer.call = _tapped(layer, layer.call, exchange)
            stack.callback(delattr, layer, "call")
        yield


def _tapped(layer, call, exchange):
    def tapped(inputs, *args, **kwargs):
        return exchange(layer, inputs, call(inputs, *args, **kwargs))

    return tapped
