"""Names of layers that several authors share, and backbones by names."""

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones import bn_inception
from keras_vidrec.backbones import efficientnet_lite
from keras_vidrec.backbones import inception_v3
from keras_vidrec.backbones import vgg16
from keras_vidrec.backbones import vgg_m_2048

_STEM = (("conv1", "7x7_s2"), ("conv2", "3x3_reduce"), ("conv2", "3x3"))
_SINGLE = ("3x3_reduce", "3x3")
_DOUBLE = ("double_3x3_reduce", "double_3x3_1", "double_3x3_2")


def bn_inception_convolutions():
    """Returns the convolutions of BN-Inception in the order of the network.

    A pair joined by `/` is the name of a Caffe layer, joined by `_` that of
    the PyTorch ports and of this package. The name of its batch normalization
    ends in `_bn`.

    Returns:
        list of pairs of str, the block and the role in it: `("conv1",
        "7x7_s2")`, ..., `("inception_3a", "double_3x3_reduce")`, ...
    """
    names = list(_STEM)
    for name, block in bn_inception.BLOCKS.items():
        roles = _SINGLE + _DOUBLE
        if block.point:
            roles = ("1x1", *roles)
        if block.projection:
            roles = (*roles, "pool_proj")
        names.extend((f"inception_{name}", role) for role in roles)
    return names


def inception_v3_convolutions():
    """Returns the convolutions of torchvision's Inception-v3.

    Each is a module with a `conv` and a `bn`. With `_` for `.` these are the
    names of this package: `Mixed_5b_branch5x5_2_conv`.

    Returns:
        list of str: `"Conv2d_1a_3x3"`, ..., `"Mixed_5b.branch5x5_2"`, ...,
        `"Mixed_7c.branch3x3dbl_3b"`, ...
    """
    names = [
        f"Conv2d_{row[0]}"
        for row in inception_v3.STEM
        if not isinstance(row, str)
    ]
    for block, branches in inception_v3.BLOCKS.items():
        for branch, rows in branches.items():
            for position, row in enumerate(rows, start=1):
                place = f"Mixed_{block}.{branch}"
                if len(rows) > 1:
                    place = f"{place}_{position}"
                pair = isinstance(row[0], tuple)
                names.extend(
                    place + letter for letter in ("ab" if pair else [""])
                )
    return names


def caffe_layers(backbone):
    """Returns the names of the layers with weights of a tower.

    Args:
        backbone: str. `"vgg16"`, `"vgg_m_2048"`, or a ResNet.

    Returns:
        Pair of lists of str: convolutions and fully connected layers, and batch
        normalizations.
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
        for units in BACKBONES[backbone].units.values()
        for unit in units
        for branch in ("branch1", "branch2a", "branch2b", "branch2c")
        if unit == units[0] or branch != "branch1"
    ]
    return (
        ["conv1", *(f"res{role}" for role in roles)],
        ["bn_conv1", *(f"bn{role}" for role in roles)],
    )


# Networks whose convolutions have no biases, and layers that always have one.
_WITHOUT = (
    "tiny",
    "resnet50",
    "resnet101",
    "resnet152",
    *efficientnet_lite.VARIANTS,
)
_ALWAYS = ("logits", "_temporal", "fusion_relu5")


def has_bias(layer: str, backbone: str) -> bool:
    """Whether a convolution or classifier of this package has a bias.

    Args:
        layer: str. Its name in a tower.
        backbone: str. A key of `backbones.BACKBONES`.
    """
    return backbone not in _WITHOUT or layer.endswith(_ALWAYS)


def zero_biases(pieces, backbone):
    """Returns the biases of a backbone that the author's network does not have,
    to be set to 0.

    Args:
        pieces: dict from `Slot` to `Piece`.
        backbone: str. See `has_bias`.

    Returns:
        tuple of `Slot`, in the order of the kernels.
    """
    biases = (
        slot._replace(variable="bias")
        for slot in pieces
        if slot.variable == "kernel" and has_bias(slot.layer, backbone)
    )
    return tuple(bias for bias in biases if bias not in pieces)


# The first layers of towers that are not residual. BN-Inception and GoogLeNet
# begin with the same name, so BN-Inception comes first, with two layers.
_BEGINNINGS = {
    "bn_inception": {"conv1_7x7_s2", "conv1_7x7_s2_bn"},
    "googlenet": {"conv1_7x7_s2"},
    "inception_v3": {"Conv2d_1a_3x3_conv"},
    "vgg16": {"conv1_1"},
    "vgg_m_2048": {"conv1", "conv2"},
}


def candidate_backbones(layers):
    """Returns the backbones that the layers in a file may belong to.

    Args:
        layers: iterable of str. Names of layers inside a tower.

    Returns:
        list of keys of `backbones.BACKBONES`: several for the releases of a
        ResNet, for EfficientNet-Lites with the same layers, and for their first
        stages alone; empty for unknown layers.
    """
    layers = set(layers)
    units = {
        layer.removeprefix("res").removesuffix("_branch2c")
        for layer in layers
        if layer.startswith("res") and layer.endswith("_branch2c")
    }
    if units:
        return [
            name
            for name, row in BACKBONES.items()
            if row.units and _are_units(units, row.units)
        ]
    blocks = {
        layer.removesuffix("_dwconv")
        for layer in layers
        if layer.startswith("block") and layer.endswith("_dwconv")
    }
    if blocks:
        return [
            name
            for name in efficientnet_lite.VARIANTS
            if _are_blocks(blocks, name)
        ]
    begun = [name for name, first in _BEGINNINGS.items() if first <= layers]
    return begun[:1]


def _are_units(units, stages) -> bool:
    """Whether `units` are all those of the first stages of a ResNet."""
    last = max(int(unit[0]) for unit in units)
    return units == {
        unit for stage in stages if stage <= last for unit in stages[stage]
    }


def _are_blocks(blocks, variant) -> bool:
    """Whether `blocks` are all those of the first stages of a variant."""
    last = max(blocks)[len("block")]
    return blocks == {
        name
        for name, _ in efficientnet_lite.blocks(variant)
        if name[len("block")] <= last
    }
