"""CutMix: clips exchange a window."""

import dataclasses
import math
import typing

import numpy as np

from keras_vidrec.data.augmentation.step import BatchStep
from keras_vidrec.data.augmentation.step import happens
from keras_vidrec.specs import checks

_OWNER = " of cutmix"


@dataclasses.dataclass(frozen=True)
class CutMix(BatchStep):
    """Exchanges a window between pairs of clips, the same window in all frames;
    labels are weighted by their share of the picture (Yun et al., CutMix,
    2019).

    Args:
        alpha: float > 0. Both parameters of the beta distribution of the share
            of a clip that is kept. Defaults to `1.0` as in the paper, a uniform
            distribution.
        probability: float from 0 to 1. Share of the pairs that are mixed.
            Defaults to `1.0`.
    """

    alpha: float = 1.0
    probability: float = 1.0

    def __post_init__(self):
        checks.positive("alpha", self.alpha, _OWNER)
        checks.number("probability", self.probability, 0, 1, _OWNER)

    def draw(self, rng: np.random.Generator) -> typing.Any:
        if not happens(rng, self.probability):
            return None
        side = math.sqrt(1 - rng.beta(self.alpha, self.alpha))
        return side, *rng.random(2)

    def mix(
        self, clip: np.ndarray, other: np.ndarray, drawn: typing.Any
    ) -> tuple[np.ndarray, float]:
        side, *middle = drawn
        size = clip.shape[1:3]
        # The window is clipped to the picture.
        rows, columns = (
            slice(
                max(round((at - side / 2) * length), 0),
                min(round((at + side / 2) * length), length),
            )
            for at, length in zip(middle, size)
        )
        mixed = clip.copy()
        mixed[:, rows, columns] = other[:, rows, columns]
        window = (rows.stop - rows.start) * (columns.stop - columns.start)
        return mixed, 1 - window / math.prod(size)
