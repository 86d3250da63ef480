"""Which style the towers of a network are of."""

import keras

from keras_vidrec import backbones
from keras_vidrec.backbones.table import refuse_style
from keras_vidrec.weights.imagenet import BACKBONES as OF_IMAGENET

IMAGENET = "imagenet"

# Where the ResNets of `keras.applications` have their strides and biases.
_IMAGENET_STYLE = "caffe"


def tower_styles(towers, style, weights=None):
    """The style of each tower of a network, before there is one.

    Args:
        towers: dict from a stream to a backbone as `backbones.get` takes it,
            for each stream that has one.
        style: `None`, or str: a style of `backbones.resnet.STYLES` for those
            that are ResNets. `None` means `"pytorch"`, with ImageNet's weights
            `"caffe"`.
        weights: what the towers are to start from, alone or dict by stream:
            `"imagenet"`, or anything else. Defaults to `None`.

    Returns:
        dict by stream of the style, as `backbones.get`, `backbones.Walk` and
        `preprocess` take it: `None` for a tower that has no choice.

    Raises:
        ValueError: if a backbone or the style is unknown, none of them has
            the choice, or `keras.applications` has no ImageNet weights for
            one of them, or for this style.
    """
    styled = [s for s, tower in towers.items() if backbones.has_styles(tower)]
    started = _from_imagenet(towers, weights)
    settled = any(stream in styled for stream in started)
    if settled and style is None:
        style = _IMAGENET_STYLE
    if not styled:
        refuse_style(style, _whose(towers.values()))
    for stream in styled:
        backbones.find(towers[stream], style)
    if settled and style != _IMAGENET_STYLE:
        raise ValueError(
            "ImageNet's weights of `keras.applications` are of ResNets of "
            f"Caffe's style. Expected style=None or {_IMAGENET_STYLE!r} with "
            "weights='imagenet'; for PyTorch's, a file such as torchvision's "
            "by `vidrec import-weights` (docs/weights.md). Received: "
            f"style={style!r}"
        )
    return {s: style if s in styled else None for s in towers}


def _from_imagenet(towers, weights):
    """The streams whose towers start from ImageNet's weights, which are there
    for each."""
    if not towers and weights == IMAGENET:
        raise ValueError(
            "Only towers start from ImageNet's weights, and a network over "
            "features has none. Expected weights=None or a file, or a "
            f"backbone of {OF_IMAGENET}. Received: weights='imagenet'"
        )
    if not isinstance(weights, dict):
        weights = dict.fromkeys(towers, weights)
    started = [s for s in towers if weights.get(s) == IMAGENET]
    for stream in started:
        tower = towers[stream]
        if not isinstance(tower, str) or tower not in OF_IMAGENET:
            raise ValueError(
                "`keras.applications` has no ImageNet weights for "
                f"{_whose([tower])}. Expected one of {OF_IMAGENET}; for "
                "others, a file by `vidrec import-weights` (docs/weights.md). "
                "Received: weights='imagenet'"
            )
    return started


def _whose(towers):
    names = dict.fromkeys(
        "a keras.Model"
        if isinstance(tower, keras.Model)
        else f"backbone {tower!r}"
        for tower in towers
    )
    return " and ".join(names) or "a network over features"
