"""Random horizontal mirroring of clips."""

import dataclasses
import typing

import numpy as np

from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.data.augmentation.step import happens
from keras_vidrec.data.clips import regions
from keras_vidrec.specs import checks


@dataclasses.dataclass(frozen=True)
class Flip(Step):
    """Mirrors clips with some probability; horizontal flow changes its sign
    (255 - value, as in TSN's code: 128, no motion, becomes 127).

    Args:
        probability: float from 0 to 1. Defaults to `0.5`.
    """

    probability: float = 0.5

    def __post_init__(self):
        checks.number("probability", self.probability, 0, 1, " of flip")

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        return True if happens(rng, self.probability) else None

    def on_rgb(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        return regions.mirror(images, is_flow=False)

    def on_flow(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        return regions.mirror(images, is_flow=True)
