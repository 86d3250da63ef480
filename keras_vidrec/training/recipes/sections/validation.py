import dataclasses

from keras_vidrec.training.recipes.sections.checks import check_number


@dataclasses.dataclass(frozen=True)
class Validation:
    """A validation part, carved out of the training groups, never out of the
    test list. With one, `model.keras` is the best epoch's model; without, the
    last one's.

    Args:
        fraction: float in [0, 1). Share of the training groups; 0 is none.
        seed: int. Which groups. Defaults to `0`.
    """

    fraction: float = 0.0
    seed: int = 0

    def __post_init__(self):
        check_number(self, "fraction", 0, 0.9)
        check_number(self, "seed", 0, kind=int)
