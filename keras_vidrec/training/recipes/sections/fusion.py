import dataclasses

from keras_vidrec.training.recipes.sections.checks import check
from keras_vidrec.training.recipes.sections.checks import check_choice

FUSED_SCORES = ("logits", "probabilities")


@dataclasses.dataclass(frozen=True)
class Fusion:
    """How the scores of streams are fused: after training, or by a network
    that has a classifier for each of several towers.

    Args:
        weights: dict of modality to number: in the recipe of a single stream,
            of its later fusion with others (`vidrec fuse`). In a network of
            several towers, of tower to number: `rgb` and `flow`, or
            `spatiotemporal` and `temporal` of two-stream fusion;
            empty for the same weights.
        scores: str. Fused on `"logits"` or `"probabilities"`. Left so
            together with empty weights, a network keeps its own.
    """

    weights: dict = dataclasses.field(default_factory=dict)
    scores: str = "logits"

    def __post_init__(self):
        check(
            isinstance(self.weights, dict),
            "weights",
            "a mapping of modalities to numbers",
            self.weights,
        )
        check_choice(self, "scores", FUSED_SCORES)
