"""The streams, towers, backbones and layers of a network, and their names."""

import typing

import keras

from keras_vidrec.backbones import find
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.specs import MODALITIES

# A tower cannot have the name of its stream if an input has it.
_SUFFIX = "_tower"


def stream_of(name: str) -> str | None:
    """Returns the stream of a nested model with this name: the name without the
    ending `_tower`, or `None` if that is not a modality."""
    stream = name.removesuffix(_SUFFIX)
    return stream if stream in MODALITIES else None


def towers(model):
    """Returns the towers of a network: the nested models named after a stream.

    Args:
        model: keras.Model.

    Returns:
        dict from streams (`"rgb"` for a tower named `rgb` or `rgb_tower`) to
        keras.Model, in the order of the model's layers; empty for a bare tower.
    """
    return {
        stream_of(layer.name): layer
        for layer in model.layers
        if isinstance(layer, keras.Model) and stream_of(layer.name)
    }


def class_scores(model):
    """Returns the layer that stores the facts of a network; `None` for bare
    towers and networks without their top."""
    scores = (one for one in model.layers if isinstance(one, ClassScores))
    return next((one for one in scores if one.name == "predictions"), None)


def backbones_of(model, backbone=None):
    """Returns the names of the backbones of a network, from its blueprint.

    Args:
        model: keras.Model.
        backbone: `None`; or, for a model without a record of its backbones, a
            key of `backbones.BACKBONES`, or a dict of keys by stream. Defaults
            to `None`.

    Returns:
        dict from streams to names. The stream is `None` for a network of one
        stream and for a bare tower, as in `slots`.

    Raises:
        ValueError: if neither the blueprint nor `backbone` names the backbone
            of a stream, they differ, or the network has no towers, as networks
            over features.
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
                "names by stream, for a model without a record of its "
                f"backbones. Received: model={model.name!r}, backbone=None"
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
    """Returns a dict from paths through nested models to layers with weights,
    in the order of the model's layers."""
    return {
        path: layer
        for path, layer in every_layer(model, prefix)
        if layer.weights
    }


def every_layer(model, prefix=""):
    """Yields pairs of the path through nested models and the layer, including
    layers without weights."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from every_layer(layer, f"{prefix}{layer.name}/")
        else:
            yield prefix + layer.name, layer


# Streams by the names of towers, first by those that continue a stream in
# two-stream fusion. Longer names come before names that they begin with.
_STREAMS = {
    "spatiotemporal": "rgb",
    "temporal": "flow",
    **{name: name for name in sorted(MODALITIES, key=len, reverse=True)},
}


def stream_layer(path):
    """Returns the stream of a layer in a network of several streams, and the
    name of the layer in a network of this stream alone:

    >>> stream_layer("rgb_tower/res2a_branch2a")
    ('rgb', 'res2a_branch2a')
    >>> stream_layer("temporal_from_relu5/fc6")
    ('flow', 'fc6')
    >>> stream_layer("flow_logits")
    ('flow', 'logits')

    Args:
        path: str. A key of `layers_by_path`.

    Returns:
        Pair of str; `None` for a layer that belongs to no stream.
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


def in_stream(path: str) -> str:
    """Returns the path of a layer in a network of one stream, without tower.

    >>> in_stream("rgb/conv1")
    'conv1'
    """
    tower, slash, inner = path.partition("/")
    return inner if slash and stream_of(tower) else path


class Slot(typing.NamedTuple):
    """The name of a weight in any network.

    Attributes:
        stream: str, such as `"rgb"`; `None` in a checkpoint or network of one
            stream, and for layers that belong to no stream.
        layer: str. Name of the layer inside the tower, such as
            `"res2a_branch2a"`; `"logits"` is the classifier of the stream.
        variable: str. `"kernel"`, `"bias"`, `"gamma"`, `"beta"`,
            `"moving_mean"` or `"moving_variance"`.
    """

    stream: str | None
    layer: str
    variable: str


def slots(model):
    """Returns the weights of a network by `Slot`.

    Args:
        model: keras.Model of this package, or a bare tower.

    Returns:
        dict from `Slot` to Keras variables, in the order of the model's layers.
        For a network of one stream or a bare tower all streams are `None`; in a
        network of several, those of layers without a stream, such as a fusion.
    """
    places = layer_places(layers_by_path(model))
    return {
        # `"kernel"`, or `"lstm_cell/kernel"` in a layer that contains layers.
        Slot(*places[path], weight.path.rpartition(f"{layer.name}/")[2]): weight
        for path, layer in layers_by_path(model).items()
        for weight in layer.weights
    }


def layer_places(paths):
    """Returns the streams and names of the layers of one network.

    Args:
        paths: iterable of str, the keys of `layers_by_path`.

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
