"""Names of the layers of Caffe's networks, which are those of ours."""

from keras_vidrec.backbones import vgg16
from keras_vidrec.backbones import vgg_m_2048
from keras_vidrec.backbones.resnet import unit_names


def layers(backbone):
    """The layers with weights of a tower.

    Args:
        backbone: str. `"vgg16"`, `"vgg_m_2048"`, or a key of
            `backbones.resnet.VARIANTS`.

    Returns:
        Pair of lists of str, the convolutions (fully connected layers are
        among them) and the batch normalizations.
    """
    if backbone == "vgg16":
        convolutions = [
            f"conv{stage}_{position}"
            for stage, widths in enumerate(vgg16.STAGES, start=1)
            for position in range(1, len(widths) + 1)
        ]
        return [*convolutions, "fc6", "fc7"], []
    if backbone == "vgg_m_2048":
        stages = range(1, len(vgg_m_2048.STAGES) + 1)
        return [*(f"conv{stage}" for stage in stages), "fc6", "fc7"], []
    roles = [
        f"{unit}_{branch}"
        for units in unit_names(backbone).values()
        for unit in units
        for branch in ("branch1", "branch2a", "branch2b", "branch2c")
        if unit == units[0] or branch != "branch1"
    ]
    return (
        ["conv1", *(f"res{role}" for role in roles)],
        ["bn_conv1", *(f"bn{role}" for role in roles)],
    )
