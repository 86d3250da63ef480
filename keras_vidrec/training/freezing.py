"""Freezes layers of a network, before `compile`."""

import keras

from keras_vidrec.weights.towers import stream_layer
from keras_vidrec.weights.towers import stream_of
from keras_vidrec.weights.towers import towers


def batch_normalizations(layer):
    """The batch normalization layers of a model or layer as a list, in order,
    including those inside nested models and composed layers."""
    found = []
    for part in _parts(layer):
        if isinstance(part, keras.layers.BatchNormalization):
            found.append(part)
        else:
            found.extend(batch_normalizations(part))
    return found


def within(layer):
    """Yields a layer and all layers inside it, each before its parts."""
    yield layer
    for part in _parts(layer):
        yield from within(part)


def _parts(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that a layer is composed of."""
    if isinstance(layer, keras.Model):
        return layer.layers
    # Keras does not list them: they are attributes, or in lists that are.
    parts: dict[int, keras.Layer] = {}
    for value in vars(layer).values():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, keras.Layer):
                parts.setdefault(id(part), part)
    return list(parts.values())


def partial_batch_norm(model: keras.Model) -> int:
    """Freezes all batch normalization layers except the first of each tower.

    A frozen layer uses its stored statistics in training too; neither these nor
    its scale and shift change. The first layer adapts to the new kind of input
    (TSN, section 3.2). In a network of several streams the first layer of every
    tower is trained, also if the towers are not nested models but layers with
    the prefix of the stream. In a model without towers, the first layer of the
    model is trained.

    It works with `fit` under any distribution strategy, and layers stay frozen
    in a saved and loaded model. Call it before `compile`.

    Args:
        model: keras.Model.

    Returns:
        int, the number of layers frozen.
    """
    layers = batch_normalizations(model)
    free = {id(layer) for layer in _first_of_each(model, layers)}
    frozen = [layer for layer in layers if id(layer) not in free]
    for layer in frozen:
        layer.trainable = False
    return len(frozen)


def freeze_towers(model, streams):
    """Freezes the towers of some streams, up to where they are joined.

    Neither their weights nor the statistics of their batch normalizations
    change; the stored statistics are used in training too. Layers after a
    fusion belong to no single stream and are trained. Call it before `compile`.

    Args:
        model: keras.Model whose towers are nested models, such as one of
            two-stream fusion: `rgb_tower`, and `rgb_from_relu5` if the tower
            continues in another model before the first fusion.
        streams: sequence of str, such as `("rgb", "flow")`.

    Returns:
        Tuple of str, the names of the nested models that were frozen.

    Raises:
        ValueError: if a stream has no such tower. Nothing is changed then.
    """
    frozen = {
        stream: [
            layer
            for layer in model.layers
            if isinstance(layer, keras.Model)
            and (
                stream_of(layer.name) == stream
                or layer.name.startswith(f"{stream}_from_")
            )
        ]
        for stream in streams
    }
    for stream, parts in frozen.items():
        if not parts:
            raise ValueError(
                f"Expected a network with a tower of {stream} to freeze, as "
                f"a nested model. Received: model={model.name!r} with towers "
                f"of {tuple(towers(model))}"
            )
    parts = [part for parts in frozen.values() for part in parts]
    for part in parts:
        part.trainable = False
    return tuple(part.name for part in parts)


def _first_of_each(model, layers):
    """The first batch normalization of each stream; of the model, if it has no
    streams."""
    nested = towers(model).values()
    if nested:
        found = [batch_normalizations(tower)[:1] for tower in nested]
        return [layer for first in found for layer in first]
    first = {}
    for layer in layers:
        stream, _ = stream_layer(layer.name) or (None, None)
        first.setdefault(stream, layer)
    if len(first) > 1:
        first.pop(None, None)
    return first.values()
