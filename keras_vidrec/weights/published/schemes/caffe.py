"""Networks of Caffe, with their authors' names."""

import dataclasses
import fnmatch

import numpy as np

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones import googlenet
from keras_vidrec.backbones.pixel_scaling import BN_INCEPTION_RGB
from keras_vidrec.backbones.pixel_scaling import CAFFE_RGB
from keras_vidrec.backbones.pixel_scaling import CENTERED_FLOW
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.published.schemes import layer_names
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.schemes.scheme import translate_by_name

# The mean of differences of neighboring frames is 0.
_DIFFERENCES = PixelScaling(0.0, channel_order="bgr")

# The blobs of a layer, in their order. The batch normalization of temporal
# segment networks is one layer. BVLC's is two: the first one has sums of
# moments and, as third blob, their divisor.
_WEIGHTED = ("kernel", "bias")
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
_MOMENTS = ("moving_mean", "moving_variance")
_SCALE = ("gamma", "beta")

# The reasons to ignore blobs.
_DIVIDED = "its layer's moments are divided by it"
_AUXILIARY = "of a classifier that only training needs"


@dataclasses.dataclass(frozen=True)
class _Network:
    """The names of a published backbone.

    Attributes:
        names: dict from the name of a layer of Caffe to the name of ours and
            the variables of its blobs.
        heads: dict from patterns of the classifier's name to the authors'
            `PixelScaling` for rgb. The first pattern that matches counts; for a
            network without classifier, the last scaling.
        maps: dict from fully connected layers to the shape `(channels, height,
            width)` of their input.
        auxiliary: tuple of patterns of layers that only training needs.
    """

    names: dict
    heads: dict
    maps: dict = dataclasses.field(default_factory=dict)
    auxiliary: tuple = ()


def _bn_inception():
    names = {}
    for block, role in layer_names.bn_inception_convolutions():
        names[f"{block}/{role}"] = f"{block}_{role}", _WEIGHTED
        names[f"{block}/{role}_bn"] = f"{block}_{role}_bn", _NORMALIZATION
    return names


def _googlenet():
    roles = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")
    names = ["conv1/7x7_s2", "conv2/3x3_reduce", "conv2/3x3"]
    for block in googlenet.BLOCKS:
        names.extend(f"inception_{block}/{role}" for role in roles)
    return {name: (name.replace("/", "_"), _WEIGHTED) for name in names}


def _own(backbone):
    """Returns the names of a network with the same layer names as ours."""
    weighted, normalized = layer_names.caffe_layers(backbone)
    names = {name: (name, _WEIGHTED) for name in weighted}
    for name in normalized:
        names[name] = name, _MOMENTS
        names[name.replace("bn", "scale", 1)] = name, _SCALE
    return names


_NETWORKS = {
    "bn_inception": _Network(_bn_inception(), {"fc*": BN_INCEPTION_RGB}),
    **{
        name: _Network(_own(name), {"fc*": CAFFE_RGB})
        for name in ("resnet50_msra", "resnet101_msra", "resnet152_msra")
    },
    "vgg16": _Network(
        _own("vgg16"),
        # The two-stream networks of TSN's authors have numbered classifiers.
        {"fc8-*": BN_INCEPTION_RGB, "fc8*": CAFFE_RGB},
        {"fc6": (512, 7, 7), "fc7": (4096, 1, 1)},
    ),
    "vgg_m_2048": _Network(
        _own("vgg_m_2048"),
        {"fc8*": CAFFE_RGB},
        {"fc6": (512, 6, 6), "fc7": (4096, 1, 1)},
    ),
    "googlenet": _Network(
        _googlenet(),
        {"loss3/classifier*": BN_INCEPTION_RGB},
        auxiliary=("loss1/*", "loss2/*"),
    ),
}


def translate(checkpoint, backbone):
    """Translates a network of Caffe.

    Args:
        checkpoint: `Checkpoint` from `readers.caffe_file`.
        backbone: str. One of `CAFFE.backbones`.

    Returns:
        `Translation`.
    """
    network = _NETWORKS[backbone]
    tensors = {
        name: _without_old_axes(array)
        for name, array in checkpoint.tensors.items()
    }
    published = {_layer(name): None for name in tensors}
    head, rgb = _head(network, published)
    factors = _factors(tensors, network.names)
    places = {}
    for layer, (ours, blobs) in network.names.items():
        if blobs != _MOMENTS or layer in factors:
            places.update(_places(layer, ours, blobs))
    if head is not None:
        places.update(_places(head, "logits", _WEIGHTED))
    ignored = {f"{layer}:2": _DIVIDED for layer in factors}
    for name in tensors:
        if _fits(_layer(name), network.auxiliary):
            ignored[name] = _AUXILIARY
    translation = translate_by_name(
        "caffe",
        {**tensors, **_divided(tensors, factors)},
        places,
        {"rgb": rgb, "flow": CENTERED_FLOW, "rgb_diff": _DIFFERENCES},
        maps=network.maps,
        ignored=ignored,
    )
    if BACKBONES[backbone].units is None:
        return translation
    # Convolutions of residual networks may have no biases; ours have.
    return dataclasses.replace(
        translation,
        zero_biases=layer_names.zero_biases(translation.pieces, backbone),
    )


CAFFE = Scheme("caffe", ("caffe",), tuple(_NETWORKS), translate)


def _layer(name: str) -> str:
    return name.rpartition(":")[0]


def _places(layer, ours, blobs):
    return {
        f"{layer}:{index}": (ours, variable)
        for index, variable in enumerate(blobs)
    }


def _fits(layer, patterns):
    return any(fnmatch.fnmatchcase(layer, pattern) for pattern in patterns)


def _head(network, published):
    """Returns the name of the classifier, or `None`, and the scaling of rgb."""
    for pattern, rgb in network.heads.items():
        for layer in published:
            if _fits(layer, (pattern,)):
                return layer, rgb
    return None, rgb


def _without_old_axes(array):
    # Old versions of Caffe have matrices of shape (1, 1, rows, columns).
    is_matrix = array.ndim == 4 and array.shape[:2] == (1, 1)
    return array.reshape(array.shape[2:]) if is_matrix else array


def _factors(tensors, names):
    """Returns a dict from layers to the divisors of their sums of moments."""
    return {
        layer: tensors[f"{layer}:2"].item()
        for layer, (_, blobs) in names.items()
        if blobs == _MOMENTS and np.size(tensors.get(f"{layer}:2", ())) == 1
    }


def _divided(tensors, factors):
    """Returns the divided moments of layers; 0 for a divisor 0, as in Caffe."""
    return {
        name: tensors[name] / factor if factor else np.zeros_like(tensors[name])
        for layer, factor in factors.items()
        for name in (f"{layer}:0", f"{layer}:1")
        if name in tensors
    }
