"""Weights of MMAction2, and of its predecessor MMAction."""

import dataclasses
import re

from keras_vidrec.weights.published.schemes import pytorch
from keras_vidrec.weights.published.schemes.layer_names import zero_biases
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.schemes.scheme import translate_by_name
from keras_vidrec.weights.published.schemes.torchvision import RESNETS
from keras_vidrec.weights.published.translation import Translation

_HEAD = {"cls_head.fc_cls": "logits"}
# Marks the Caffe release of a ResNet in the configuration in a checkpoint.
_CAFFE_STYLE = re.compile(r"\bstyle\s*=\s*['\"]caffe['\"]")


def translate(checkpoint, backbone):
    """Translates a state dict of MMAction2, 0.x and 1.x, or of MMAction.

    Residual networks have their strides on the 3x3 convolutions, unless the
    configuration in the file has `style='caffe'`; the names are the same.
    """
    tensors = checkpoint.tensors
    in_config = _CAFFE_STYLE.search(str(checkpoint.facts.get("config", "")))
    if backbone == "bn_inception":
        # MMAction has this backbone, with the pixel scaling of tsn-pytorch.
        convolutions, normalizations = pytorch.bn_inception_modules()
        places = _places(convolutions, normalizations)
        scaling = pytorch.BN_INCEPTION
    elif bool(in_config) != backbone.endswith("_caffe"):
        return Translation("mmaction2", {}, {}, unknown=tuple(tensors))
    else:
        convolutions, normalizations = pytorch.residual_modules(backbone)
        places = _places(
            _joined(convolutions, "conv"), _joined(normalizations, "bn")
        ) | _places(convolutions, normalizations)
        scaling = pytorch.TORCH
    translation = translate_by_name(
        "mmaction2",
        tensors,
        places,
        scaling,
        ignored=pytorch.counters(tensors),
    )
    if backbone == "bn_inception":
        return translation
    return dataclasses.replace(
        translation, zero_biases=zero_biases(translation.pieces, backbone)
    )


def _places(convolutions, normalizations):
    convolutions, normalizations = (
        {f"backbone.{module}": layer for module, layer in modules.items()}
        for modules in (convolutions, normalizations)
    )
    return pytorch.places(convolutions | _HEAD, normalizations)


def _joined(modules, role):
    """Returns names for modules that contain a convolution and its
    normalization: `layer1.0.conv1` and `layer1.0.bn1` are called
    `layer1.0.conv1.conv` and `layer1.0.conv1.bn`."""
    return {
        re.sub(r"bn(\d)$", r"conv\1", re.sub(r"(downsample)\.\d$", r"\1", name))
        + f".{role}": layer
        for name, layer in modules.items()
    }


MMACTION2 = Scheme(
    "mmaction2",
    ("pytorch", "safetensors"),
    ("bn_inception", *RESNETS, *(f"{name}_caffe" for name in RESNETS)),
    translate,
)
