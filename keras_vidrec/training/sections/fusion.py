import dataclasses

from keras_vidrec.training.sections.checks import check
from keras_vidrec.training.sections.checks import check_choice

FUSED_SCORES = ("logits", "probabilities")


@dataclasses.dataclass(frozen=True)
class Fusion:
    """How the streams of a recipe are fused after training.

    Args:
        weights: dict of modality to number; empty where there is one stream.
        scores: str. Fused on `"logits"` or `"probabilities"`.
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
