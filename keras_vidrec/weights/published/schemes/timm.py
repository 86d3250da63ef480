"""Weights of PyTorch Image Models (timm) whose names are its own."""

from keras_vidrec.weights.published.schemes import by_name
from keras_vidrec.weights.published.schemes import scalings
from keras_vidrec.weights.published.schemes import torch_names
from keras_vidrec.weights.published.schemes import torchvision
from keras_vidrec.weights.published.schemes.scheme import Scheme


def translate(checkpoint, backbone):
    """Translates a state dict of timm's VGG-16.

    Its residual networks and Inception-v3 have torchvision's names, and are
    translated as torchvision's.
    """
    convolutions = {
        **torchvision.vgg16_convolutions(),
        "pre_logits.fc1": "fc6",
        "pre_logits.fc2": "fc7",
        "head.fc": "logits",
    }
    return by_name.translate(
        "timm",
        checkpoint.tensors,
        torch_names.places(convolutions),
        scalings.TORCH,
        maps=torchvision.VGG16_MAPS,
    )


TIMM = Scheme("timm", ("pytorch", "safetensors"), ("vgg16",), translate)
