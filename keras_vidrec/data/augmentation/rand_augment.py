"""RandAugment: a few random operations of one magnitude."""

import dataclasses
import typing

import numpy as np

from keras_vidrec.data.augmentation import colors
from keras_vidrec.data.augmentation import warp
from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.specs import checks

_OWNER = " of rand_augment"
_MOST = 10


@dataclasses.dataclass(frozen=True)
class RandAugment(Step):
    """Applies a few operations that are drawn uniformly from `OPERATIONS` to
    every clip, all with the same magnitude (Cubuk et al., RandAugment, 2020,
    with the ranges of AutoAugment, 2019).

    Geometric operations change flow too: its vectors are moved, rotated and
    sheared with the picture. Operations on colors do not change flow.

    Args:
        magnitude: float from 0 to 10. How strong the operations are; see
            `operations` for what 10 means. Defaults to `9.0`, the value of the
            paper's ResNet-50 on ImageNet.
        num_operations: int. Number of operations for each clip. Defaults to
            `2`.
        operations: `None` (all), or tuple of names from `OPERATIONS`:
            `"identity"`, `"auto_contrast"`, `"equalize"`; `"rotate"` (up to
            30 degrees), `"shear_x"`, `"shear_y"` (0.3 pixels a pixel),
            `"translate_x"`, `"translate_y"` (0.45 of the size), each in
            either direction; `"solarize"` (threshold from 256 down to 0),
            `"posterize"` (8 down to 4 bits); `"brightness"`, `"contrast"`,
            `"saturation"`, `"sharpness"` (factors 1.9 or 0.1). Defaults to
            `None`.
    """

    magnitude: float = 9.0
    num_operations: int = 2
    operations: tuple | None = None

    def __post_init__(self):
        checks.count("num_operations", self.num_operations, owner=_OWNER)
        checks.number("magnitude", self.magnitude, 0, _MOST, _OWNER)
        names = self.operations
        names = tuple(names) if isinstance(names, list) else names
        some = isinstance(names, tuple) and names
        checks.check(
            names is None or (some and all(n in OPERATIONS for n in names)),
            "operations",
            f"null, or some of {OPERATIONS}",
            names,
            _OWNER,
        )
        object.__setattr__(self, "operations", names)

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        names = self.operations or tuple(OPERATIONS)
        share = self.magnitude / _MOST
        drawn = []
        for number in rng.integers(len(names), size=self.num_operations):
            sign = 1 if rng.integers(2) else -1
            drawn.append(_drawn(names[number], share, sign, size))
        return drawn

    def on_rgb(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        for name, value in drawn:
            if name in _MATRICES:
                images = warp.frames(images, value)
            elif name in _COLORS:
                images = _COLORS[name][0](images, *value)
        return images

    def on_flow(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        for name, value in drawn:
            if name in _MATRICES:
                images = warp.flow(images, value)
        return images


def _drawn(name: str, share: float, sign: int, size: int) -> tuple:
    """The name and the numbers of one operation: `share` is the magnitude
    divided by the largest one, `sign` the direction, `size` that of images."""
    if name in _MATRICES:
        return name, _MATRICES[name](sign * share, size)
    if name in _COLORS:
        _, numbers = _COLORS[name]
        return name, numbers(share, sign)
    return name, ()


def _linear(xx, xy, yx, yy, size):
    return warp.about_center([[xx, xy], [yx, yy]], size)


def _shift(x: float, y: float, size: int) -> np.ndarray:
    return warp.about_center(np.eye(2), size, (x * size, y * size))


# Functions of the strength, -1 to 1, and of the size of the images: matrices.
_MATRICES = {
    "rotate": lambda by, size: warp.rotation(30 * by, size),
    "shear_x": lambda by, size: _linear(1, 0.3 * by, 0, 1, size),
    "shear_y": lambda by, size: _linear(1, 0, 0.3 * by, 1, size),
    "translate_x": lambda by, size: _shift(0.45 * by, 0, size),
    "translate_y": lambda by, size: _shift(0, 0.45 * by, size),
}


def _nothing(_share, _sign):
    return ()


def _factor(share: float, sign: int) -> tuple[float]:
    return (1 + 0.9 * share * sign,)


# Pairs: a change of colors, and a function of the strength, 0 to 1, and of the
# sign that returns the arguments of the change.
_COLORS: dict[str, tuple[typing.Callable, typing.Callable]] = {
    "auto_contrast": (colors.auto_contrast, _nothing),
    "equalize": (colors.equalize, _nothing),
    "solarize": (colors.solarize, lambda share, _: (256 * (1 - share),)),
    "posterize": (colors.posterize, lambda share, _: (8 - round(4 * share),)),
    "brightness": (colors.brightness, _factor),
    "contrast": (colors.contrast, _factor),
    "saturation": (colors.saturation, _factor),
    "sharpness": (colors.sharpness, _factor),
}
OPERATIONS = ("identity", *_MATRICES, *_COLORS)
