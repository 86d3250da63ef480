"""Names of the convolutions of BN-Inception, as all its authors use them."""

from keras_vidrec.backbones.bn_inception import BLOCKS

_STEM = (("conv1", "7x7_s2"), ("conv2", "3x3_reduce"), ("conv2", "3x3"))
_SINGLE = ("3x3_reduce", "3x3")
_DOUBLE = ("double_3x3_reduce", "double_3x3_1", "double_3x3_2")


def convolutions():
    """The convolutions of BN-Inception in the order of the network.

    Joined by `/` a pair is the name of a Caffe layer, joined by `_` that of
    the PyTorch ports and of this package. The batch normalization behind it
    has the same name and `_bn`.

    Returns:
        list of pairs of str, the block and the role in it: `("conv1",
        "7x7_s2")`, ..., `("inception_3a", "double_3x3_reduce")`, ...
    """
    names = list(_STEM)
    for name, block in BLOCKS.items():
        roles = _SINGLE + _DOUBLE
        if block.point:
            roles = ("1x1", *roles)
        if block.projection:
            roles = (*roles, "pool_proj")
        names.extend((f"inception_{name}", role) for role in roles)
    return names


def torch_modules():
    """The modules of the PyTorch ports of BN-Inception.

    Returns:
        Pair of dicts of our layers, convolutions and batch normalizations;
        their names are the same.
    """
    names = ["_".join(pair) for pair in convolutions()]
    return {name: name for name in names}, {
        f"{name}_bn": f"{name}_bn" for name in names
    }
