"""Networks of `keras.applications`, with its names."""

import re
import types

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones import vgg16
from keras_vidrec.backbones.pixel_scaling import CAFFE_RGB
from keras_vidrec.backbones.pixel_scaling import CENTERED_FLOW
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.published.schemes import pytorch
from keras_vidrec.weights.published.schemes.layer_names import (
    inception_v3_convolutions,
)
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot

# The second name is the older one, in the published files of ResNets.
_CLASSIFIERS = types.MappingProxyType(
    {"predictions": "logits", "probs": "logits"}
)
_BRANCHES = ("branch1", "branch2a", "branch2b", "branch2c")
# Layers with automatic names. The number counts all such layers of a session,
# so a network may begin with any number.
_COUNTED = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")
# Height and width of the maps that are flattened for fully connected layers.
_MAPS = types.MappingProxyType({"fc6": 7, "fc7": 1})
_VARIABLES = frozenset(
    {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}
)


def layer_names(backbone, layers):
    """Returns our names of the layers of `keras.applications`.

    Args:
        backbone: str. A key of `SCALINGS`.
        layers: iterable of str. Names of the layers in the file, which differ
            by session for Inception-v3.

    Returns:
        dict from their names to the names in a tower of this package.
    """
    if backbone == "vgg16":
        return _vgg16()
    if backbone == "inception_v3":
        return _inception_v3(layers)
    return _resnet(backbone)


def _resnet(backbone):
    names = {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}
    for stage, units in BACKBONES[backbone].units.items():
        for number, unit in enumerate(units, start=1):
            # Only the first unit of a stage has `branch1`.
            first = 0 if number == 1 else 1
            for place, branch in enumerate(_BRANCHES[first:], start=first):
                layer = f"conv{stage}_block{number}_{place}"
                names[f"{layer}_conv"] = f"res{unit}_{branch}"
                names[f"{layer}_bn"] = f"bn{unit}_{branch}"
    return names


def _vgg16():
    names = {"fc1": "fc6", "fc2": "fc7"}
    for stage, widths in enumerate(vgg16.STAGES, start=1):
        for position in range(1, len(widths) + 1):
            names[f"block{stage}_conv{position}"] = f"conv{stage}_{position}"
    return names


def _inception_v3(layers):
    """Assigns names by the order in which layers were made: it is the same."""
    counted = {"conv2d": [], "batch_normalization": []}
    for layer in layers:
        if match := _COUNTED.fullmatch(layer):
            counted[match[1]].append((int(match[2] or 0), layer))
    ours = [name.replace(".", "_") for name in inception_v3_convolutions()]
    names = {}
    for kind, suffix in (("conv2d", "conv"), ("batch_normalization", "bn")):
        if len(counted[kind]) == len(ours):
            for (_, layer), name in zip(sorted(counted[kind]), ours):
                names[layer] = f"{name}_{suffix}"
    return names


# `preprocess_input` in modes "caffe" and "tf", and scalings of motion derived
# from it.
_CAFFE = types.MappingProxyType(
    {
        "rgb": CAFFE_RGB,
        "flow": CENTERED_FLOW,
        "rgb_diff": PixelScaling(0.0, channel_order="bgr"),
    }
)
SCALINGS = types.MappingProxyType(
    {
        "resnet50_caffe": _CAFFE,
        "resnet101_caffe": _CAFFE,
        "resnet152_caffe": _CAFFE,
        "vgg16": _CAFFE,
        "inception_v3": pytorch.SYMMETRIC,
    }
)


def translate(checkpoint, backbone):
    """Translates weights of a network of `keras.applications`; see `Scheme`."""
    layers = [name.rpartition("/")[0] for name in checkpoint.tensors]
    ours = layer_names(backbone, dict.fromkeys(layers))
    if not ours.keys().isdisjoint(layers):
        ours |= _CLASSIFIERS
    pieces, unknown = {}, []
    for (name, array), layer in zip(checkpoint.tensors.items(), layers):
        slot = Slot(None, ours.get(layer), name.rpartition("/")[2])
        if slot.layer and slot.variable in _VARIABLES and slot not in pieces:
            pieces[slot] = Piece(name, _as_convolution(slot, array))
        else:
            unknown.append(name)
    return Translation(
        scheme="keras.applications",
        pieces=pieces,
        scaling=SCALINGS[backbone],
        unknown=tuple(unknown),
    )


def _as_convolution(slot, array):
    """Returns an array, that of `fc6` or `fc7` as kernel of a convolution."""
    if slot.variable != "kernel" or array.ndim != 2:
        return array
    side = _MAPS.get(slot.layer)
    if side is None or len(array) % side**2:
        return array
    return array.reshape(side, side, -1, array.shape[1])


KERAS_APPLICATIONS = Scheme(
    name="keras.applications",
    formats=("keras",),
    backbones=tuple(SCALINGS),
    translate=translate,
)
