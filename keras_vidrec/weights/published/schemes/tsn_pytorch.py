"""Weights of tsn-pytorch, and the ImageNet weights that it starts from."""

import types

from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.published.schemes import pytorch
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.schemes.scheme import translate_by_name
from keras_vidrec.weights.published.schemes.torchvision import RESNETS

# For images in 0..1, the mean 0.5 and the mean of ImageNet's deviations.
_DEVIATION = 255 * 0.226
_RESIDUAL = types.MappingProxyType(
    {
        "rgb": pixel_scaling.TORCH_RGB,
        "flow": PixelScaling(127.5, _DEVIATION),
        "rgb_diff": PixelScaling(0.0, 255.0),
    }
)
_PREFIX = "base_model."
# With dropout the classifier is a module of the network, else of the tower.
_HEADS = types.MappingProxyType({"new_fc": "logits", f"{_PREFIX}fc": "logits"})
# Classifiers in the ImageNet files of BN-Inception.
_IMAGENET_HEADS = types.MappingProxyType(
    {"fc": "logits", "last_linear": "logits"}
)


def translate(checkpoint, backbone):
    """Translates a state dict of tsn-pytorch, whose reader has removed
    `module.` from all names, or the ImageNet weights of BN-Inception.

    Towers are modules `base_model`. In some files the tensors of batch
    normalizations have the shape `(1, channels)`. Residual networks have their
    strides on the 3x3 convolutions.
    """
    tensors = checkpoint.tensors
    if backbone in RESNETS:
        convolutions, normalizations = pytorch.residual_modules(backbone)
        scaling = _RESIDUAL
    else:
        convolutions, normalizations = pytorch.bn_inception_modules()
        scaling = pytorch.BN_INCEPTION
    places = pytorch.places(
        _prefixed(convolutions) | _HEADS, _prefixed(normalizations)
    )
    if backbone == "bn_inception":
        places |= pytorch.places(convolutions | _IMAGENET_HEADS, normalizations)
    return translate_by_name(
        "tsn-pytorch",
        tensors,
        places,
        scaling,
        ignored=pytorch.counters(tensors),
    )


def _prefixed(modules):
    return {_PREFIX + module: layer for module, layer in modules.items()}


TSN_PYTORCH = Scheme(
    "tsn-pytorch",
    ("pytorch", "safetensors"),
    ("bn_inception", *RESNETS),
    translate,
)
