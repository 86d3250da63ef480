"""Random erasing: a rectangle of a clip is replaced by noise."""

import dataclasses
import math
import typing

import numpy as np

from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.data.augmentation.step import happens
from keras_vidrec.specs import checks

_OWNER = " of random_erasing"
_ATTEMPTS = 10
_STILL = 128


@dataclasses.dataclass(frozen=True)
class RandomErasing(Step):
    """Replaces a rectangle of clips by noise with some probability (Zhong et
    al., Random Erasing Data Augmentation, 2020). The noise is the same in all
    frames; flow in the rectangle becomes no motion. The defaults are those of
    the paper.

    Args:
        probability: float from 0 to 1. Defaults to `0.5`.
        area: pair of float in (0, 1]. Range of the rectangle's area as a share
            of the picture. Defaults to `(0.02, 0.4)`.
        ratio: pair of float. Range of height / width, whose logarithm is drawn
            uniformly. Defaults to `(0.3, 10 / 3)`.
    """

    probability: float = 0.5
    area: tuple = (0.02, 0.4)
    ratio: tuple = (0.3, 10 / 3)

    def __post_init__(self):
        checks.number("probability", self.probability, 0, 1, _OWNER)
        for name, high in (("area", 1), ("ratio", None)):
            pair = getattr(self, name)
            pair = tuple(pair) if isinstance(pair, list) else pair
            words = "positive numbers" if high is None else "numbers in (0, 1]"
            fits = checks.is_rising_pair(pair, high)
            checks.check(fits, name, f"a pair of rising {words}", pair, _OWNER)
            object.__setattr__(self, name, pair)

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        if not happens(rng, self.probability):
            return None
        for _ in range(_ATTEMPTS):
            area = rng.uniform(*self.area) * size * size
            ratio = math.exp(
                rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]))
            )
            rows = round(math.sqrt(area * ratio))
            columns = round(math.sqrt(area / ratio))
            if 0 < rows < size and 0 < columns < size:
                top = int(rng.integers(size - rows + 1))
                left = int(rng.integers(size - columns + 1))
                noise = rng.integers(0, 256, (rows, columns, 3), np.uint8)
                region = slice(top, top + rows), slice(left, left + columns)
                return *region, noise
        # The paper tries until a rectangle fits.
        return None

    def on_rgb(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        rows, columns, noise = drawn
        images[:, rows, columns] = noise
        return images

    def on_flow(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        rows, columns, _ = drawn
        images[:, rows, columns] = _STILL
        return images
