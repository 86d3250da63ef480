"""Weights of PyTorch Image Models (timm)."""

from keras_vidrec.weights.schemes import by_name
from keras_vidrec.weights.schemes import scalings
from keras_vidrec.weights.schemes import torch_names
from keras_vidrec.weights.schemes import torchvision
from keras_vidrec.weights.schemes.scheme import Scheme


def translate(checkpoint, backbone):
    """Translates a state dict of timm.

    Residual networks and Inception-v3 have torchvision's names. Networks that
    differ, such as `resnet50d`, have tensors of other names, which are
    unknown.

    Raises:
        ValueError: for Inception-v3 with trained scales of its batch
            normalizations.
    """
    tensors = checkpoint.tensors
    if backbone in torchvision.RESNETS:
        return torchvision.residual("timm", tensors, backbone)
    if backbone == "inception_v3":
        return torchvision.inception_v3("timm", tensors)
    convolutions = {
        **torchvision.vgg16_convolutions(),
        "pre_logits.fc1": "fc6",
        "pre_logits.fc2": "fc7",
        "head.fc": "logits",
    }
    return by_name.translate(
        "timm",
        tensors,
        torch_names.places(convolutions),
        scalings.TORCH,
        maps=torchvision.VGG16_MAPS,
    )


TIMM = Scheme(
    "timm",
    ("pytorch", "safetensors"),
    (*torchvision.RESNETS, "vgg16", "inception_v3"),
    translate,
)
