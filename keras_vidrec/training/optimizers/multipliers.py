"""Finds the variables for the roles of weights in a recipe."""

import re

import keras

from keras_vidrec.specs import checks
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_layer
from keras_vidrec.weights.towers import towers

# Number of groups of layers of a tower, for any depth. Layer decay was
# published for vision transformers; a small one has 12 blocks.
_GROUPS = 12


def by_pattern(model, roles):
    """Converts multipliers by role to multipliers by regular expression, which
    the optimizers of this package take.

    Args:
        model: keras.Model.
        roles: dict of numbers by role. `"first_convolution"`: the first
            convolution of each tower, with its bias. `"head"`: the layers
            outside the towers, and the classifiers. `"bias"`, `"gamma"` and
            `"beta"`: all weights of this name; there may be none.

    Returns:
        dict from regular expressions for the `path` of variables to numbers.

    Raises:
        ValueError: if the network has no first convolution or no head, or
            another layer has the same name.

    Example:

    >>> by_pattern(TSN(modality="flow"), {"first_convolution": 5, "bias": 2})
    {'^(conv1_7x7_s2/kernel|conv1_7x7_s2/bias)$': 5, '(^|/)bias$': 2}
    """
    return {_pattern(model, role): number for role, number in roles.items()}


def by_depth(model, decay):
    """Multipliers that decrease from the end of each tower to its beginning.

    The layers of a tower are divided into `_GROUPS` groups with about the same
    number of kernels, in the order of the network. A layer without a kernel,
    such as batch normalization, is in the group of the kernel before it. The
    multiplier of the n-th group from the end is `decay**n`.

    Args:
        model: keras.Model.
        decay: `None` (no multipliers), or float: the factor from group to
            group.

    Returns:
        dict as for `by_pattern`; empty without a decay.

    Raises:
        ArgumentError: if the network has no towers, or several weights with the
            same path are at different depths.
    """
    if decay is None:
        return {}
    behind = {id(layer) for layer in head(model)}
    by_stream = {}
    for path, layer in layers_by_path(model).items():
        if id(layer) not in behind:
            stream, _ = stream_layer(path) or (None, None)
            by_stream.setdefault(stream, []).append(layer)
    checks.check(
        bool(by_stream),
        "optimizer.layer_decay",
        "null for a network without towers",
        decay,
    )
    # The optimizer selects variables by path, and towers with the same backbone
    # have the same paths.
    numbers = {w.path: 0 for layer in head(model) for w in layer.weights}
    for layers in by_stream.values():
        for number, group in enumerate(_grouped(layers)[::-1], 1):
            for weight in (w for layer in group for w in layer.weights):
                checks.check(
                    numbers.setdefault(weight.path, number) == number,
                    "optimizer.layer_decay",
                    "null for a network with several weights "
                    f"{weight.path!r} at different depths",
                    decay,
                )
    by_number = {}
    for path, number in numbers.items():
        by_number.setdefault(number, []).append(path)
    by_number.pop(0, None)
    return {
        f"^({'|'.join(map(re.escape, paths))})$": decay**number
        for number, paths in by_number.items()
    }


def _grouped(layers: list[keras.Layer]) -> list[list[keras.Layer]]:
    """Divides layers into at most `_GROUPS` lists, in their order."""
    kernels = [hasattr(layer, "kernel") for layer in layers]
    number = min(_GROUPS, max(sum(kernels), 1))
    groups: list[list[keras.Layer]] = [[] for _ in range(number)]
    seen = 0
    for layer, has_kernel in zip(layers, kernels):
        seen += has_kernel
        place = max(seen - 1, 0) * number // max(sum(kernels), 1)
        groups[place].append(layer)
    return groups


def _pattern(model: keras.Model, role: str) -> str:
    """The regular expression for the weights of a role."""
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
    """Returns the head of a network as a list: the layers with weights outside
    the towers, and the classifiers. If the towers are not nested models, only
    the classifiers.
    """
    bare = not towers(model) and _first_convolutions(model)
    return [
        layer
        for path, layer in layers_by_path(model).items()
        if path.endswith("logits") or not ("/" in path or bare)
    ]


_LAYERS = {"first_convolution": _first_convolutions, "head": head}


def _exactly(model: keras.Model, role: str, layers: list[keras.Layer]) -> str:
    """The regular expression that matches exactly the weights of layers."""
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
