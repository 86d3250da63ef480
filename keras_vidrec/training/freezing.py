"""What is not trained: set on layers, before `compile`."""

import keras

from keras_vidrec.weights.towers import stream_layer
from keras_vidrec.weights.towers import stream_of
from keras_vidrec.weights.towers import towers


def batch_normalizations(layer):
    """Batch normalization layers of a model, in order, those within nested
    models and within composed layers too."""
    found = []
    for part in _parts(layer):
        if isinstance(part, keras.layers.BatchNormalization):
            found.append(part)
        else:
            found.extend(batch_normalizations(part))
    return found


def within(layer):
    """Yields a layer and all that it is composed of, each before its parts."""
    yield layer
    for part in _parts(layer):
        yield from within(part)


def _parts(layer):
    """The layers that a layer is composed of."""
    if isinstance(layer, keras.Model):
        return layer.layers
    # Keras does not list them: they are attributes of it, or in lists that are.
    parts = {}
    for value in vars(layer).values():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, keras.Layer):
                parts.setdefault(id(part), part)
    return list(parts.values())


def partial_batch_norm(model: keras.Model) -> int:
    """Freezes all batch normalization layers except the first of each tower.

    A frozen one uses its stored statistics in training too, and neither they
    nor its scale and shift change. The first one follows the new kind of
    input (TSN, section 3.2): a network of several streams has several new
    kinds, so the first one of every tower stays free, also where the towers are
    in the model itself, their layers called by the stream. In a model without
    towers, the first one of all does.

    It holds for `fit` under any distribution strategy, and the frozen stay so
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

    Their weights stay, and so do the statistics of their batch
    normalizations, which they use in training too. What comes after a fusion
    belongs to no stream alone and is trained. Call it before `compile`.

    Args:
        model: keras.Model whose towers are nested models, such as one of
            two-stream fusion: `rgb_tower`, and `rgb_from_relu5` where nothing
            is joined there.
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
    """The first batch normalization of each stream."""
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
