"""From the roles that a recipe knows weights by to variables."""

import re

import keras

from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_layer
from keras_vidrec.weights.towers import towers


def by_pattern(model, roles):
    """Multipliers as the optimizers of this package take them.

    Args:
        model: keras.Model.
        roles: dict from a role to a number. `"first_convolution"` is the
            first of each tower, with its bias; `"head"` are the layers
            outside of the towers and the classifiers; `"bias"`, `"gamma"` and
            `"beta"` are weights of this name, of which there may be none.

    Returns:
        dict from regular expressions for the `path` of variables to numbers.

    Raises:
        ValueError: if the network has no first convolution or no head, or
            another layer has the name of one.

    Example:

    >>> by_pattern(TSN(modality="flow"), {"first_convolution": 5, "bias": 2})
    {'^(conv1_7x7_s2/kernel|conv1_7x7_s2/bias)$': 5, '(^|/)bias$': 2}
    """
    return {_pattern(model, role): number for role, number in roles.items()}


def _pattern(model, role):
    if role in _LAYERS:
        return _exactly(model, role, _LAYERS[role](model))
    return f"(^|/){role}$"


def _first_convolutions(model):
    """The first convolution of each stream."""
    first = {}
    for path, layer in layers_by_path(model).items():
        if isinstance(layer, keras.layers.Conv2D):
            stream, _ = stream_layer(path) or (None, None)
            first.setdefault(stream, layer)
    if len(first) > 1:
        first.pop(None, None)
    return list(first.values())


def head(model):
    """The layers with weights outside of the towers, and the classifiers:
    where the layers of the towers lie in the network itself, these only."""
    bare = not towers(model) and _first_convolutions(model)
    return [
        layer
        for path, layer in layers_by_path(model).items()
        if path.endswith("logits") or not ("/" in path or bare)
    ]


_LAYERS = {"first_convolution": _first_convolutions, "head": head}


def _exactly(model, role, layers):
    """The pattern of the weights of these layers."""
    if not layers:
        raise ValueError(
            f"Expected a network with a {role} to have a multiplier. Received: "
            f"{role!r} for {model.name!r}, which has none"
        )
    wanted = {w.path: id(w) for layer in layers for w in layer.weights}
    known = {id(w) for layer in layers for w in layer.weights}
    for weight in model.weights:
        if weight.path in wanted and id(weight) not in known:
            raise ValueError(
                f"Expected no other layer to have the name of a {role} that "
                f"has a multiplier. Received: {model.name!r} with several "
                f"weights {weight.path!r}"
            )
    return f"^({'|'.join(map(re.escape, wanted))})$"
