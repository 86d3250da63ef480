"""Names of tensors and modules, and pixel scalings, for the schemes of PyTorch
libraries."""

import types

from keras_vidrec.backbones import find
from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.published.schemes.layer_names import (
    bn_inception_convolutions,
)

# For differences of frames, on which these authors do not train, the scaling is
# that of frames without the mean.
TORCH = types.MappingProxyType(
    {
        "rgb": pixel_scaling.TORCH_RGB,
        "flow": pixel_scaling.UNIT_FLOW,
        "rgb_diff": PixelScaling(0.0, pixel_scaling.TORCH_RGB.std),
    }
)
SYMMETRIC = types.MappingProxyType(
    {
        "rgb": pixel_scaling.SYMMETRIC,
        "flow": pixel_scaling.SYMMETRIC,
        "rgb_diff": PixelScaling(0.0, pixel_scaling.SYMMETRIC.std),
    }
)
# The last value is 123 in Caffe.
BN_INCEPTION = types.MappingProxyType(
    {
        "rgb": PixelScaling((104.0, 117.0, 128.0), channel_order="bgr"),
        "flow": pixel_scaling.CENTERED_FLOW,
        "rgb_diff": PixelScaling(0.0, channel_order="bgr"),
    }
)


_CONVOLUTION = {"weight": "kernel", "bias": "bias"}
_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def places(convolutions, normalizations=None):
    """Returns our layers and variables for the tensors of a state dict.

    Args:
        convolutions: dict from the names of modules, convolutions and fully
            connected layers, to our layers.
        normalizations: the same for batch normalizations. Defaults to none.

    Returns:
        dict from names of tensors to pairs of our layer and its variable:
        `{"conv1.weight": ("conv1", "kernel"), ...}`.
    """
    kinds = (
        (convolutions, _CONVOLUTION),
        (normalizations or {}, _NORMALIZATION),
    )
    return {
        f"{module}.{tensor}": (layer, variable)
        for modules, variables in kinds
        for module, layer in modules.items()
        for tensor, variable in variables.items()
    }


def counters(tensors):
    """Returns a dict from the tensors of batch normalizations that count steps
    to the reason to ignore them."""
    return {
        name: "counts training steps"
        for name in tensors
        if name.endswith(".num_batches_tracked")
    }


def residual_modules(backbone):
    """Returns our layers for the modules of torchvision's ResNets.

    Args:
        backbone: str. Name of a ResNet.

    Returns:
        Pair of dicts, for convolutions and batch normalizations:
        `{"conv1": "conv1", "layer1.0.conv1": "res2a_branch2a",
        "layer1.0.downsample.0": "res2a_branch1", ...}` and `{"bn1":
        "bn_conv1", "layer1.0.bn1": "bn2a_branch2a", ...}`.
    """
    convolutions, normalizations = {"conv1": "conv1"}, {"bn1": "bn_conv1"}
    for stage, names in find(backbone).units.items():
        for unit, name in enumerate(names):
            module = f"layer{stage - 1}.{unit}"
            for number, letter in enumerate("abc", start=1):
                branch = f"{name}_branch2{letter}"
                convolutions[f"{module}.conv{number}"] = f"res{branch}"
                normalizations[f"{module}.bn{number}"] = f"bn{branch}"
            if unit == 0:
                branch = f"{name}_branch1"
                convolutions[f"{module}.downsample.0"] = f"res{branch}"
                normalizations[f"{module}.downsample.1"] = f"bn{branch}"
    return convolutions, normalizations


def bn_inception_modules():
    """Returns our layers for the modules of the PyTorch ports of BN-Inception.

    Returns:
        Pair of dicts, for convolutions and batch normalizations, from names to
        the same names.
    """
    names = ["_".join(pair) for pair in bn_inception_convolutions()]
    return {name: name for name in names}, {
        f"{name}_bn": f"{name}_bn" for name in names
    }
