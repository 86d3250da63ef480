"""Finds layers of the towers of a network, and computes their maps."""

import functools

import keras
import numpy as np

from keras_vidrec import backbones
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks
from keras_vidrec.visualization import layer_tap

# Starts of the names of layers after the last map.
_NO_MAPS = ("fc", "drop", "features", "pool")
# Large enough for every tower: only the graph is built.
_IMAGES = (None, 224, 224, 3)


def find(model: keras.Model, name: str | None = None) -> dict:
    """Finds a layer in each tower.

    Args:
        model: keras.Model of this package.
        name: `None` (the last convolutional maps of each tower), or str: a
            layer of the towers, or an endpoint of their backbones such as
            `"relu3"`. Defaults to `None`.

    Returns:
        dict by stream of layers, for the streams that have the layer.

    Raises:
        ValueError: if no tower has the layer, or the network has no towers.
    """
    by_stream: dict = {}
    for path, layer in layer_tap.walk(model):
        stream = layer_tap.stream_of(path, layer)
        if stream is not None and _has_maps(layer):
            by_stream.setdefault(stream, []).append(layer)
    if not by_stream:
        raise ValueError(
            "The picture needs convolutional maps of each segment. Expected a "
            f"network with towers. Received: model={model.name!r}"
        )
    if name is None:
        return {stream: _last(found) for stream, found in by_stream.items()}
    chosen = _named(by_stream, dict.fromkeys(by_stream, name))
    chosen = chosen or _named(by_stream, _endpoints(model, name))
    if not chosen:
        known = {x.name for found in by_stream.values() for x in found}
        ends = sorted({_last(found).name for found in by_stream.values()})
        raise ValueError(
            f"The network has no such layer of maps. "
            f"{checks.hint(name, known)}Expected a layer of its towers, which "
            f"end with {', '.join(ends)}. Received: {name!r}"
        )
    return chosen


def look(network: keras.Model, layers: dict, images: dict) -> tuple:
    """Computes the output of a network for a clip, and the maps of some layers.

    Args:
        network: keras.Model.
        layers: dict by stream of layers, see `find`.
        images: dict by modality of arrays `(segments, height, width,
            channels)`, raw pixels.

    Returns:
        Tuple `(inputs, output, maps)`: the inputs of the network; float32 array
        of its output for the clip; dict by stream of float32 arrays `(segments,
        map_height, map_width, channels)`.

    Raises:
        ValueError: if a layer does not have a map for each segment.
    """
    inputs = {name: clip[None] for name, clip in images.items()}
    if len(inputs) == 1:
        (inputs,) = inputs.values()
    inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
    streams = {id(layer): stream for stream, layer in layers.items()}
    seen = {}

    def keep(layer, _, outputs):
        seen[streams[id(layer)]] = outputs
        return outputs

    with layer_tap.tap(layers.values(), keep):
        output = _to_numpy(network(inputs, training=False))[0]
    maps = {stream: _to_numpy(seen[stream]) for stream in layers}
    num_segments = len(next(iter(images.values())))
    for stream, found in maps.items():
        if found.ndim != 4 or len(found) != num_segments:
            raise ValueError(
                f"The layer {layers[stream].name!r} does not have a map for "
                f"each of the {num_segments} segments. Expected a "
                "convolutional layer before the segments are combined. "
                f"Received: an output of shape {found.shape}"
            )
    return inputs, output, maps


def _named(by_stream, names):
    """Returns a dict by stream of the layers with the names in `names`, a dict
    by stream."""
    chosen = {}
    for stream, name in names.items():
        # If the tower is not an inner network, the name starts with the stream.
        wanted = (name, f"{stream}_{name}")
        for layer in by_stream.get(stream, ()):
            if layer.name in wanted:
                chosen[stream] = layer
    return chosen


def _endpoints(model, name):
    """Returns a dict by stream of the names of the layers at an endpoint of the
    backbones in the network's blueprint."""
    blueprint = describe(model).blueprint
    stated = {} if blueprint is None else blueprint.backbones
    found = {
        stream: _layer_at(backbone, name)
        for stream, backbone in stated.items()
        if backbone is not None
    }
    return {stream: layer for stream, layer in found.items() if layer}


@functools.cache
def _layer_at(backbone, endpoint):
    """Returns the name of the layer at an endpoint; `None` if there is none."""
    with keras.StatelessScope(initialize_variables=False):
        walk = backbones.Walk(backbone, keras.KerasTensor(_IMAGES))
        try:
            tensor = walk.to(endpoint)
        except ValueError:
            return None
    return tensor._keras_history.operation.name


def _has_maps(layer):
    """Whether the output of a layer is maps, with segments in the batch."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return False  # a layer with several outputs or calls
    return len(shape) == 4 and not isinstance(layer, keras.layers.InputLayer)


def _last(layers):
    """Returns the last layer before pooling and fully connected layers."""
    for layer in reversed(layers):
        kind = type(layer).__name__
        if not layer.name.startswith(_NO_MAPS) and not kind.startswith(
            ("Fold", "Dropout")
        ):
            if "Pool" not in kind and "pool" not in layer.name:
                return layer
    return layers[-1]


def _to_numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))
