"""Weights of torchvision, and of PyTorch Image Models (timm)."""

import numpy as np

from keras_vidrec.backbones.vgg16 import STAGES
from keras_vidrec.weights.published.schemes import pytorch
from keras_vidrec.weights.published.schemes.layer_names import (
    inception_v3_convolutions,
)
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.schemes.scheme import translate_by_name

RESNETS = ("resnet50", "resnet101", "resnet152")
# The shape of the maps that are flattened for fc6.
VGG16_MAPS = {"fc6": (512, 7, 7)}
# For networks with the same names in timm.
_SHARED = "torchvision or timm"


def translate(checkpoint, backbone):
    """Translates a state dict of torchvision.

    Residual networks and Inception-v3 have the same names in timm; variants
    such as `resnet50d` have other names, which are unknown. Residual networks
    are assumed to have their strides on the 3x3 convolutions; the names would
    be the same in code with the strides of Caffe.

    Raises:
        ValueError: for GoogLeNet, which is another network in torchvision, and
            for Inception-v3 with trained scales of its batch normalizations.
    """
    tensors = checkpoint.tensors
    if backbone in RESNETS:
        return _residual(tensors, backbone)
    if backbone == "inception_v3":
        return _inception_v3(tensors)
    if backbone == "googlenet":
        return _googlenet(tensors)
    return _vgg16(
        "torchvision", tensors, ("classifier.0", "classifier.3", "classifier.6")
    )


def _residual(tensors, backbone):
    convolutions, normalizations = pytorch.residual_modules(backbone)
    return translate_by_name(
        _SHARED,
        tensors,
        pytorch.places({**convolutions, "fc": "logits"}, normalizations),
        pytorch.TORCH,
        ignored=pytorch.counters(tensors),
    )


def _inception_v3(tensors):
    names = inception_v3_convolutions()
    layers = {name: name.replace(".", "_") for name in names}
    places = pytorch.places(
        {"fc": "logits"}
        | {f"{name}.conv": f"{layer}_conv" for name, layer in layers.items()},
        {f"{name}.bn": f"{layer}_bn" for name, layer in layers.items()},
    )
    # As in TensorFlow, our batch normalizations have no scales.
    scales = {name for name, place in places.items() if place[1] == "gamma"}
    auxiliary = {name for name in tensors if name.startswith("AuxLogits.")}
    translation = translate_by_name(
        _SHARED,
        tensors,
        {name: at for name, at in places.items() if name not in scales},
        pytorch.SYMMETRIC,
        ignored=pytorch.counters(tensors)
        | dict.fromkeys(scales & tensors.keys(), "scales by 1")
        | dict.fromkeys(auxiliary, "auxiliary classifier"),
    )
    if translation.pieces:
        _check_scales(tensors, sorted(translation.ignored.keys() & scales))
    return translation


def _vgg16(scheme, tensors, connected):
    """Translates VGG-16; `connected`: names of its fully connected layers."""
    convolutions, position = {}, 0
    for stage, widths in enumerate(STAGES, start=1):
        for number in range(1, len(widths) + 1):
            convolutions[f"features.{position}"] = f"conv{stage}_{number}"
            position += 2  # a convolution and a ReLU
        position += 1  # a pooling
    convolutions.update(zip(connected, ("fc6", "fc7", "logits")))
    return translate_by_name(
        scheme,
        tensors,
        pytorch.places(convolutions),
        pytorch.TORCH,
        maps=VGG16_MAPS,
    )


def _check_scales(tensors, names):
    trained = [name for name in names if np.any(tensors[name] != 1)]
    if trained:
        raise ValueError(
            "Expected torchvision's Inception-v3 with weights from "
            "TensorFlow, whose batch normalizations have scales of 1 (in this "
            "package they have none). Received: "
            f"{len(trained)} others, such as {trained[0]!r}"
        )


def _googlenet(tensors):
    if "inception3a.branch1.bn.weight" in tensors:
        raise ValueError(
            "Expected GoogLeNet as it was published, without batch "
            "normalization, from Caffe. Received: torchvision's GoogLeNet, "
            "another network, with batch normalization"
        )
    return translate_by_name("torchvision", tensors, {}, pytorch.TORCH)


TORCHVISION = Scheme(
    "torchvision",
    ("pytorch", "safetensors"),
    (*RESNETS, "vgg16", "inception_v3", "googlenet"),
    translate,
)


def translate_timm(checkpoint, backbone):
    """Translates a state dict of timm's VGG-16.

    timm's residual networks and Inception-v3 have torchvision's names and are
    translated by `translate`.
    """
    connected = ("pre_logits.fc1", "pre_logits.fc2", "head.fc")
    return _vgg16("timm", checkpoint.tensors, connected)


TIMM = Scheme("timm", ("pytorch", "safetensors"), ("vgg16",), translate_timm)
