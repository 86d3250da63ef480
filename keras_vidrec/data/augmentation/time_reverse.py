"""Random reversal of clips in time."""

import dataclasses
import typing

import numpy as np

from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.data.augmentation.step import happens
from keras_vidrec.specs import checks


@dataclasses.dataclass(frozen=True)
class TimeReverse(Step):
    """Reverses clips in time with some probability: the order of segments and
    of the images in each snippet; flow changes its sign.

    Args:
        probability: float from 0 to 1. Defaults to `0.5`.
    """

    probability: float = 0.5

    def __post_init__(self):
        checks.number("probability", self.probability, 0, 1, " of time_reverse")

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        return True if happens(rng, self.probability) else None

    def on_flow(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        return np.invert(images, out=images)  # 255 - value

    def on_time(self, places: np.ndarray, drawn: typing.Any) -> np.ndarray:
        return places[::-1, ::-1]
