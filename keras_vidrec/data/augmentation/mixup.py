"""Mixup: clips and their labels are blended."""

import dataclasses
import typing

import cv2
import numpy as np

from keras_vidrec.data.augmentation.step import BatchStep
from keras_vidrec.data.augmentation.step import happens
from keras_vidrec.specs import checks

_OWNER = " of mixup"


@dataclasses.dataclass(frozen=True)
class MixUp(BatchStep):
    """Blends pairs of clips of a batch, and their labels (Zhang et al., mixup,
    2018): `share * clip + (1 - share) * other`, with a share from a beta
    distribution that is the same for both.

    Args:
        alpha: float > 0. Both parameters of the distribution: small values
            leave clips nearly unchanged. Defaults to `0.2`, within the paper's
            0.1 to 0.4 for ImageNet.
        probability: float from 0 to 1. Share of the pairs that are blended.
            Defaults to `1.0`.
    """

    alpha: float = 0.2
    probability: float = 1.0

    def __post_init__(self):
        checks.positive("alpha", self.alpha, _OWNER)
        checks.number("probability", self.probability, 0, 1, _OWNER)

    def draw(self, rng: np.random.Generator) -> typing.Any:
        if not happens(rng, self.probability):
            return None
        return float(rng.beta(self.alpha, self.alpha))

    def mix(
        self, clip: np.ndarray, other: np.ndarray, drawn: typing.Any
    ) -> tuple[np.ndarray, float]:
        rows = (clip.shape[0], -1)
        mixed = cv2.addWeighted(
            np.reshape(clip, rows), drawn, np.reshape(other, rows), 1 - drawn, 0
        )
        return mixed.reshape(clip.shape), drawn
