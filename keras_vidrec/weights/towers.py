"""What a network is made of: its streams, their towers and backbones, and where
its layers stand."""

import typing

import keras

from keras_vidrec.backbones import find
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.specs import MODALITIES

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


def class_scores(model):
    """The layer that carries the facts of a network; `None` if the model has
    none, as bare towers and networks without their top."""
    scores = (one for one in model.layers if isinstance(one, ClassScores))
    return next((one for one in scores if one.name == "predictions"), None)


def backbones_of(model, backbone=None):
    """The backbones of a network, as its blueprint says.

    Args:
        model: keras.Model.
        backbone: `None`, or for a model that does not say what it is made of,
            str, a key of `backbones.BACKBONES`; or dict of these by stream.
            Defaults to `None`.

    Returns:
        dict of names by stream; by `None` in a network of one stream and in a
        bare tower, as in `slots`.

    Raises:
        ValueError: if a stream is a user's own `keras.Model` and `backbone`
            does not say which it is, or says otherwise than the network, or
            the network has no towers, as networks over features.
    """
    layer = class_scores(model)
    blueprint = None if layer is None else layer.blueprint
    stated = {None: None} if blueprint is None else blueprint.backbones
    if not isinstance(backbone, dict):
        backbone = dict.fromkeys(stated, backbone)
    elif blueprint is None:
        stated = dict.fromkeys(backbone)
    found = {}
    for stream, name in stated.items():
        given = backbone.get(stream)
        if given is not None:
            find(given)
        if name is None and given is None:
            raise ValueError(
                "Expected `backbone`, the name of the backbone, or a dict of "
                "them by stream, for a model that does not say what it is "
                f"made of. Received: model={model.name!r}, backbone=None"
            )
        if None not in (name, given) and name != given:
            raise ValueError(
                f"Expected backbone=None or {name!r}, of which "
                f"{model.name!r} is made. Received: backbone={given!r}"
            )
        found[stream] = name or given
    if not found:
        raise ValueError(
            "Expected a network with towers. Received: "
            f"model={model.name!r}, which sees features"
        )
    if not any(slot.stream for slot in slots(model)):
        return {None: next(iter(found.values()))}
    return found


def layers_by_path(model, prefix=""):
    """Layers with weights by their path through nested models, in the order
    of the model's layers."""
    return {
        path: layer
        for path, layer in every_layer(model, prefix)
        if layer.weights
    }


def every_layer(model, prefix=""):
    """Pairs of the path through nested models and the layer, also of layers
    without weights."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from every_layer(layer, f"{prefix}{layer.name}/")
        else:
            yield prefix + layer.name, layer


# Streams by the towers of two-stream fusion that carry them on, and by those
# of all others. A name that begins another one comes after it.
_STREAMS = {
    "spatiotemporal": "rgb",
    "temporal": "flow",
    **{name: name for name in sorted(MODALITIES, key=len, reverse=True)},
}


def stream_layer(path):
    """Where the weights of a layer of a network of several streams come from.

    A pure function of the path of the layer through nested models:

    >>> stream_layer("rgb_tower/res2a_branch2a")
    ('rgb', 'res2a_branch2a')
    >>> stream_layer("temporal_from_relu5/fc6")
    ('flow', 'fc6')
    >>> stream_layer("flow_logits")
    ('flow', 'logits')

    Args:
        path: str, as `towers.layers_by_path` gives it.

    Returns:
        Pair of str, the stream and the name of the layer in a network of this
        stream alone; `None` for a layer that belongs to no stream.
    """
    first, *inner = path.split("/")
    for name, stream in _STREAMS.items():
        if inner:
            if first in (name, f"{name}_tower") or first.startswith(
                f"{name}_from_"
            ):
                return stream, in_stream("/".join(inner))
        elif first.startswith(f"{name}_"):
            return stream, first.removeprefix(f"{name}_")
    return None


def in_stream(path):
    """The path of a layer in a network of one stream, without the tower.

    >>> in_stream("rgb/conv1")
    'conv1'
    """
    tower, slash, inner = path.partition("/")
    return inner if slash and stream_of(tower) else path


class Slot(typing.NamedTuple):
    """The place of an array.

    Attributes:
        stream: str, such as `"rgb"`; or `None` in a checkpoint of one stream,
            and for layers that belong to no stream.
        layer: str. Name of the layer inside the tower, such as
            `"res2a_branch2a"`; `"logits"` is the classifier of the stream.
        variable: str. `"kernel"`, `"bias"`, `"gamma"`, `"beta"`,
            `"moving_mean"` or `"moving_variance"`.
    """

    stream: str | None
    layer: str
    variable: str


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
        # `"kernel"`; in a layer of layers `"lstm_cell/kernel"`.
        Slot(*places[path], weight.path.rpartition(f"{layer.name}/")[2]): weight
        for path, layer in layers_by_path(model).items()
        for weight in layer.weights
    }


def layer_places(paths):
    """The places of layers of one network.

    Args:
        paths: iterable of str, as `towers.layers_by_path` has them.

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
