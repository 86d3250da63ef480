"""Which backbones a network is made of."""

import types

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones import find
from keras_vidrec.weights.towers import every_layer
from keras_vidrec.weights.towers import layer_places
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import slots

_PADDING = "pool1_pad"

# Backbones that weights alone tell apart, and those of several styles.
FAMILIES = tuple(dict.fromkeys(row.family for row in BACKBONES.values()))
_STYLED = tuple(f for f in FAMILIES if f"{f}_caffe" in BACKBONES)

# Layers at the beginning of the towers that are not residual, and what tells
# the two with a first layer of the same name from each other.
_BEGINNINGS = types.MappingProxyType(
    {
        "bn_inception": {"conv1_7x7_s2", "conv1_7x7_s2_bn"},
        "googlenet": {"conv1_7x7_s2"},
        "inception_v3": {"Conv2d_1a_3x3_conv"},
        "vgg16": {"conv1_1"},
        "vgg_m_2048": {"conv1", "conv2"},
    }
)


def backbones_of(model):
    """The backbones of a network, by the names of its layers.

    Args:
        model: keras.Model of this package, or a bare tower.

    Returns:
        dict by stream, with `None` for the only one, as in `towers.slots`: of
        pairs of the name of the backbone and its style, `None` where it has
        no choice.

    Raises:
        ValueError: if there is none: in networks over features, and in towers
            that are a user's own `keras.Model`.
    """
    weights = slots(model)
    layers = {}
    for slot in weights:
        layers.setdefault(slot.stream, set()).add(slot.layer)
    candidates = {
        stream: names
        for stream, found in layers.items()
        if (names := candidate_backbones(found))
    }
    if not candidates:
        raise ValueError(
            f"Expected a network with towers of {tuple(BACKBONES)}. Received: "
            f"model={model.name!r}, whose layers have other names: "
            f"{sorted(set().union(*layers.values()))[:5]}"
        )
    # A tower that ends early, at a fusion, may be of several backbones: then
    # it is of that of the whole one.
    whole = [names[0] for names in candidates.values() if len(names) == 1]
    padded = _padded_streams(model)
    found = {}
    for stream, names in candidates.items():
        name = next((name for name in whole if name in names), names[0])
        found[stream] = (name, _style(name, stream, weights, padded))
    return found


def backbone_name(family, style):
    """The key of `backbones.BACKBONES` of a family in a style."""
    return family if style in (None, "pytorch") else f"{family}_{style}"


def candidate_backbones(layers):
    """The backbones that layers may be of.

    Args:
        layers: iterable of str. Names of layers inside a tower.

    Returns:
        list of str. It has several items for the first stages of a residual
        network alone, and none for other layers.
    """
    layers = set(layers)
    units = {
        layer.removeprefix("res").removesuffix("_branch2c")
        for layer in layers
        if layer.startswith("res") and layer.endswith("_branch2c")
    }
    if units:
        return [name for name in FAMILIES if _has_units(name, units)]
    begun = [name for name, first in _BEGINNINGS.items() if first <= layers]
    return begun[:1]


def style_by_biases(backbone, slots):
    """The style that weights alone tell: convolutions of residual networks
    have no biases in PyTorch's.

    Args:
        backbone: str. A key of `backbones.BACKBONES`.
        slots: iterable of `Slot`, the weights there are.

    Returns:
        `"pytorch"`; or `None` for the other styles, which have the same
        weights, and for backbones that have no choice.
    """
    if backbone not in _STYLED:
        return None
    biased = any(slot[1:] == ("res2a_branch2a", "bias") for slot in slots)
    return None if biased else "pytorch"


def _has_units(name, units):
    """Whether these are all units of the first stages of the backbone."""
    stages = find(name).units
    if stages is None:
        return False
    last = max(int(unit[0]) for unit in units)
    return units == {
        unit for stage in stages if stage <= last for unit in stages[stage]
    }


def _style(name, stream, weights, padded):
    """Style of a backbone: residual networks of Caffe's authors do not pad
    the pooling of their stem."""
    own = [slot for slot in weights if slot.stream == stream]
    style = style_by_biases(name, own)
    if style is not None or name not in _STYLED:
        return style
    return "caffe" if stream in padded else "msra"


def _padded_streams(model):
    """The streams whose stem pads its pooling."""
    padded = [path for path, _ in every_layer(model) if path.endswith(_PADDING)]
    places = layer_places([*layers_by_path(model), *padded])
    return {places[path][0] for path in padded}
