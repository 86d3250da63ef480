"""EfficientNet-Lite as published, in PyTorch."""

import itertools

import torch.nn.functional as F

from tests.weights.references.layers import normalize

_EPSILON = 1e-3
# Kernel size and stride of the stages, by the authors' table; how many blocks
# each has, the file tells.
_STAGES = ((3, 1), (3, 2), (5, 2), (3, 2), (5, 1), (5, 2), (3, 1))


def feature_map(images, source, names):
    """The last feature map of an EfficientNet-Lite, of any width and depth.

    Args:
        images: torch float tensor `(batch, channels, height, width)`.
        source: `Source`.
        names: callable from the blocks of each stage and `(stage, unit, role)`
            to the names of a convolution and of its batch normalization:
            stages count from 0, units from 0, `role` is `"expand"`, `"dw"` or
            `"project"`. Stage `None` is outside, with role `"stem"` or
            `"head"`.

    Returns:
        torch float tensor `(batch, 1280, height, width)`.

    Reference:
        - [Tan and Le, 2019](https://arxiv.org/abs/1905.11946), table 1
    """
    counts = _counts(source, names)

    def convolution(x, place, stride=1):
        name, norm = names(counts, *place)
        kernel, _ = source.convolution(name)
        x = _padded(x, kernel.shape[-1], stride)
        groups = x.shape[1] if kernel.shape[1] == 1 else 1
        x = F.conv2d(x, kernel, None, stride, groups=groups)
        return normalize(x, source, norm, _EPSILON)

    x = F.relu6(convolution(images, (None, 0, "stem"), 2))
    for stage, (size, stride) in enumerate(_STAGES):
        for unit in range(counts[stage]):
            y = x
            if source.has(names(counts, stage, unit, "expand")[0]):
                y = F.relu6(convolution(y, (stage, unit, "expand")))
            step = stride if unit == 0 else 1
            kernel, _ = source.convolution(names(counts, stage, unit, "dw")[0])
            assert kernel.shape[2:] == (size, size)
            y = F.relu6(convolution(y, (stage, unit, "dw"), step))
            y = convolution(y, (stage, unit, "project"))
            x = x + y if step == 1 and x.shape == y.shape else y
    return F.relu6(convolution(x, (None, 0, "head")))


def _padded(x, size, stride):
    """Zeros around maps as TensorFlow's "same" puts them: as many as the last
    window needs, the odd one at the far border."""
    sides = []
    for length in (x.shape[3], x.shape[2]):
        missing = max(0, (-(-length // stride) - 1) * stride + size - length)
        sides += [missing // 2, missing - missing // 2]
    return F.pad(x, sides)


def _counts(source, names):
    """The blocks of each stage; where a file numbers all blocks in one row, by
    the channels that change."""
    if names is timm_names:
        return [
            next(
                unit
                for unit in itertools.count()
                if not source.has(names(None, stage, unit, "project")[0])
                and not source.has(f"blocks.{stage}.{unit}.conv_pw")
            )
            for stage in range(len(_STAGES))
        ]
    widths, number = [], 0
    while source.has(f"_blocks.{number}._project_conv"):
        kernel, _ = source.convolution(f"_blocks.{number}._project_conv")
        widths.append(kernel.shape[0])
        number += 1
    return [len(list(group)) for _, group in itertools.groupby(widths)]


def package_names(counts, stage, unit, role):
    """`_blocks.3._depthwise_conv`, `_blocks.3._bn1`."""
    if stage is None:
        return {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}[
            role
        ]
    place = f"_blocks.{sum(counts[:stage]) + unit}"
    convolution, norm = {
        "expand": ("_expand_conv", "_bn0"),
        "dw": ("_depthwise_conv", "_bn1"),
        "project": ("_project_conv", "_bn2"),
    }[role]
    return f"{place}.{convolution}", f"{place}.{norm}"


def timm_names(counts, stage, unit, role):
    """`blocks.2.1.conv_dw`, `blocks.2.1.bn2`; without expansion, in the first
    stage, `conv_dw`, `bn1`, `conv_pw`, `bn2`."""
    if stage is None:
        return {"stem": ("conv_stem", "bn1"), "head": ("conv_head", "bn2")}[
            role
        ]
    convolution, norm = {
        "expand": ("conv_pw", 1),
        "dw": ("conv_dw", 2),
        "project": ("conv_pwl", 3),
    }[role]
    if stage == 0:
        # What would be the expansion is the projection here.
        convolution = {"expand": "none", "project": "conv_pw"}.get(
            role, convolution
        )
        norm -= 1
    return (
        f"blocks.{stage}.{unit}.{convolution}",
        f"blocks.{stage}.{unit}.bn{norm}",
    )
