"""Names of the modules of residual networks in PyTorch."""

from keras_vidrec.backbones.resnet import unit_names


def modules(variant):
    """The modules of torchvision's ResNets.

    Args:
        variant: str. A key of `backbones.resnet.VARIANTS`.

    Returns:
        Pair of dicts of our layers, convolutions and batch normalizations:
        `{"conv1": "conv1", "layer1.0.conv1": "res2a_branch2a",
        "layer1.0.downsample.0": "res2a_branch1", ...}` and `{"bn1":
        "bn_conv1", "layer1.0.bn1": "bn2a_branch2a", ...}`.
    """
    convolutions, normalizations = {"conv1": "conv1"}, {"bn1": "bn_conv1"}
    for stage, names in unit_names(variant).items():
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
