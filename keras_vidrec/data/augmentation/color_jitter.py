"""Random changes of brightness, contrast and saturation."""

import dataclasses
import typing

import numpy as np

from keras_vidrec.data.augmentation import colors
from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.specs import checks


@dataclasses.dataclass(frozen=True)
class ColorJitter(Step):
    """Changes brightness, contrast and saturation of every clip, in random
    order, by factors from `[1 - strength, 1 + strength]`; flow is not changed.

    Args:
        strength: float in [0, 1). Defaults to `0.4`, the value of the ResNets
            of Torch7 (fb.resnet.torch), and so of TS-LSTM's streams.
    """

    strength: float = 0.4

    def __post_init__(self):
        checks.check(
            checks.is_number(self.strength) and 0 <= self.strength < 1,
            "strength",
            "a number in [0, 1)",
            self.strength,
            " of color_jitter",
        )

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        names = tuple(colors.BLENDS)
        factors = rng.uniform(1 - self.strength, 1 + self.strength, len(names))
        order = rng.permutation(len(names))
        return tuple((names[i], float(factors[i])) for i in order)

    def on_rgb(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        for name, factor in drawn:
            images = colors.BLENDS[name](images, factor)
        return images
