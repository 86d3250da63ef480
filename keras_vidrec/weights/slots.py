"""The weights of a network by their places."""

from keras_vidrec.weights.copying import layers_by_path
from keras_vidrec.weights.published.translation import Slot
from keras_vidrec.weights.stream_layers import stream_layer


def slots(model):
    """The weights of a network by their places.

    Args:
        model: keras.Model of this package, or a bare tower.

    Returns:
        dict of Keras variables by `Slot`, in the order of the model's layers.
        Of a network of one stream, or a bare tower, the stream is `None`
        everywhere; of a network of several, it is `None` for layers that
        belong to no stream, such as a fusion.
    """
    places = layer_places(layers_by_path(model))
    return {
        Slot(*places[path], _name(weight, layer)): weight
        for path, layer in layers_by_path(model).items()
        for weight in layer.weights
    }


def layer_places(paths):
    """The places of layers of one network.

    Args:
        paths: iterable of str, as `copying.layers_by_path` has them.

    Returns:
        dict from paths to pairs of the stream, as in `slots`, and the name of
        the layer in a network of this stream alone.
    """
    keys = {path: stream_layer(path) or (None, path) for path in paths}
    several = len({stream for stream, _ in keys.values() if stream}) > 1
    return {
        path: (stream if several else None, layer)
        for path, (stream, layer) in keys.items()
    }


def _name(weight, layer):
    """`"kernel"`; in a layer of layers `"lstm_cell/kernel"`."""
    return weight.path.rpartition(f"{layer.name}/")[2]
