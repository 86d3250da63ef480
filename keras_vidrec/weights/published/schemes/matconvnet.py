"""Networks of MatConvNet, with the names of its authors and of the two-stream
networks trained with it."""

import re
import types

import numpy as np

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones.pixel_scaling import CENTERED_FLOW
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.published.schemes import layer_names
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot

# ResNets trained with MatConvNet have the strides of PyTorch's release;
# converted ones are the authors' Caffe release.
_TRAINED = ("resnet50", "resnet101", "resnet152")
_CONVERTED = ("resnet50_msra", "resnet101_msra", "resnet152_msra")
_RESIDUAL = (*_TRAINED, *_CONVERTED)
# Added to variances by MatConvNet and by this package.
_EPSILON = 1e-5

# The ends of names of parameters, as written by DagNN's conversion of SimpleNN,
# and by the importer of Caffe networks.
_CONVOLUTION = (
    ("f", "kernel"),
    ("b", "bias"),
    ("_filter", "kernel"),
    ("_bias", "bias"),
)
_NORMALIZATION = (
    ("m", "gamma"),
    ("b", "beta"),
    ("x", "moments"),
    ("_mult", "gamma"),
    ("_bias", "beta"),
    ("_moments", "moments"),
)
# Classifiers: of networks for ImageNet, of a two-stream network, and the one
# with an automatic name in networks of the authors of two-stream fusion.
_HEAD = re.compile(r"(fc8|fc1000|prediction|layer\d+)(f|b|_filter|_bias)")

# The names of filters over time begin with that of the layer before them, which
# contains the stream.
_STREAM = re.compile(r"(.+?)_(spatial|temporal)(|_Time_[fb])")
_STREAMS = types.MappingProxyType({"spatial": "rgb", "temporal": "flow"})

_FUSED = "fusion_relu5"
_FUSION = types.MappingProxyType(
    {"conv3Df": (_FUSED, "kernel"), "conv3Db": (_FUSED, "bias")}
)

_AVERAGE_COLOR = (123.68, 116.779, 103.939)


def names(backbone):
    """Returns the names of the parameters of a network of one stream.

    Args:
        backbone: str. One of `MATCONVNET.backbones`.

    Returns:
        dict from the names of parameters to pairs of our layer and variable,
        without classifiers. The variable `"moments"` is the moving mean and
        standard deviation in one array.
    """
    convolutions, normalizations = layer_names.caffe_layers(backbone)
    table = {
        f"{layer}{end}": (layer, variable)
        for group, ends in (
            (convolutions, _CONVOLUTION),
            (normalizations, _NORMALIZATION),
        )
        for layer in group
        for end, variable in ends
    }
    if backbone in _RESIDUAL:
        for units in BACKBONES[backbone].units.values():
            place = f"res{units[1]}"
            for end, variable in (("f", "kernel"), ("b", "bias")):
                table[f"{place}_branch2b_relu_Time_{end}"] = (
                    f"{place}_temporal",
                    variable,
                )
    return table


def translate(checkpoint, backbone):
    """Translates the parameters of a network of one stream, or of two with
    names ending in `_spatial` and `_temporal`.

    Args:
        checkpoint: `Checkpoint` of format `"matconvnet"`.
        backbone: str. One of `MATCONVNET.backbones`.

    Returns:
        `Translation`.
    """
    if backbone in (_CONVERTED if _strides_3x3(checkpoint) else _TRAINED):
        unknown = tuple(checkpoint.tensors)
        return Translation("matconvnet", {}, {}, unknown=unknown)
    table = names(backbone)
    split = {name: _in_stream(name) for name in checkpoint.tensors}
    heads = _heads(split)
    pieces, unknown = {}, []
    for source, array in checkpoint.tensors.items():
        stream, name = split[source]
        if name in _FUSION and stream is None:
            layer, variable = _FUSION[name]
        elif (stream, name) in heads:
            layer, variable = "logits", heads[stream, name]
        else:
            layer, variable = table.get(name, (None, None))
        if layer is None or (
            variable == "bias" and not layer_names.has_bias(layer, backbone)
        ):
            unknown.append(source)
            continue
        for variable, value in _values(layer, variable, array):
            pieces[Slot(stream, layer, variable)] = Piece(source, value)
    return Translation(
        "matconvnet",
        pieces,
        _scaling(checkpoint, pieces),
        zero_biases=layer_names.zero_biases(pieces, backbone),
        unknown=tuple(unknown),
    )


MATCONVNET = Scheme(
    name="matconvnet",
    formats=("matconvnet",),
    backbones=("vgg16", "vgg_m_2048", *_RESIDUAL),
    translate=translate,
)


def _in_stream(name):
    """Returns the stream in a name, or `None`, and the name without it."""
    match = _STREAM.fullmatch(name)
    if match is None:
        return None, name
    return _STREAMS[match[2]], match[1] + match[3]


def _heads(split):
    """Returns a dict from streams and names of the classifiers' parameters to
    variables, without streams in which several layers may be the classifier."""
    found = {}
    for stream, name in split.values():
        match = _HEAD.fullmatch(name)
        if match is not None:
            candidates = found.setdefault(stream, {})
            candidates.setdefault(match[1], {})[name] = match[2]
    ends = dict(_CONVOLUTION)
    return {
        (stream, name): ends[end]
        for stream, candidates in found.items()
        if len(candidates) == 1
        for name, end in next(iter(candidates.values())).items()
    }


def _strides_3x3(checkpoint):
    """Whether a residual network has its strides on the 3x3 convolutions."""
    strides = {
        _in_stream(layer)[1]: stride
        for layer, stride in checkpoint.facts.get("strides", {}).items()
    }
    return max(strides.get("res3a_branch2b", (1, 1))) > 1


def _values(layer, variable, array):
    """Yields pairs of a variable and its array in the layout of Keras; arrays
    of unexpected shapes are not changed."""
    if variable == "moments":
        mean = variance = array
        if array.shape[1:] == (2,):
            # The second column is sqrt(variance + epsilon).
            mean, deviation = array.astype("float64").T
            variance = np.maximum(deviation**2 - _EPSILON, 0)
        yield "moving_mean", mean.astype("float32")
        yield "moving_variance", variance.astype("float32")
    elif variable != "kernel":
        yield variable, array.reshape(-1)
    elif layer == _FUSED and array.ndim == 5:
        # From (height, width, time, ...).
        yield variable, array.transpose(2, 0, 1, 3, 4)
    elif layer == "logits" and array.shape[:2] == (1, 1):
        yield variable, array[0, 0]
    elif array.ndim == 4 and array.shape[0] == 1 < array.shape[1]:
        yield variable, array[0]  # over time
    else:
        yield variable, array


def _scaling(checkpoint, pieces):
    """Returns the pixel scalings by modality, from the file's average image. In
    a two-stream network it has the channels of flow before those of rgb."""
    colors, flow = _AVERAGE_COLOR, CENTERED_FLOW
    average = checkpoint.facts.get("average_image")
    channels = {
        slot.stream: piece.array.shape[2]
        for slot, piece in pieces.items()
        if slot.variable == "kernel"
        and slot.layer in ("conv1", "conv1_1")
        and piece.array.ndim == 4
    }
    if average is not None and np.ndim(average):
        average = np.asarray(average, "float64")
        average = average.reshape(-1, average.shape[-1]).mean(0)
        if len(average) == sum(channels.values()):
            if 3 in channels.values():
                colors = tuple(round(float(v), 4) for v in average[-3:])
            if len(average) > 3:
                motion = average[: -3 if 3 in channels.values() else None]
                flow = PixelScaling(round(float(motion.mean()), 4))
    return {
        "rgb": PixelScaling(colors),
        "flow": flow,
        # The mean of differences is 0.
        "rgb_diff": PixelScaling(0.0),
    }
