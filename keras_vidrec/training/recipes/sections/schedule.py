import dataclasses

from keras_vidrec.training.recipes.sections.checks import check
from keras_vidrec.training.recipes.sections.checks import check_choice
from keras_vidrec.training.recipes.sections.checks import check_number

SCHEDULES = ("constant", "step", "cosine", "plateau")


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long, and how the learning rate falls.

    Args:
        epochs: `None` or int. Passes over the training part.
        steps: `None` or int. Optimizer steps; exactly one of the two is set.
        kind: str. `"constant"`, `"step"` (times `factor` at each boundary),
            `"cosine"` (to zero at the end), or `"plateau"` (times `factor`
            when the validation accuracy has not risen for `patience` epochs;
            takes a validation part).
        boundaries: tuple of int, in the unit of `epochs` or `steps`.
        factor: float in (0, 1]. Defaults to `0.1`.
        patience: int. Epochs without a gain, of `"plateau"`. Defaults to `5`.
        min_learning_rate: float. Where `"plateau"` stops to lower the rate.
            Defaults to `0.0`.
        early_stop: `None`, or int: epochs without a gain in the validation
            accuracy after which training ends; takes a validation part.
    """

    epochs: int | None = None
    steps: int | None = None
    kind: str = "constant"
    boundaries: tuple = ()
    factor: float = 0.1
    patience: int = 5
    min_learning_rate: float = 0.0
    early_stop: int | None = None

    def __post_init__(self):
        check(
            (self.epochs is None) != (self.steps is None),
            "schedule",
            "either epochs or steps",
            (self.epochs, self.steps),
        )
        check_number(
            self, "steps" if self.epochs is None else "epochs", 1, kind=int
        )
        check_choice(self, "kind", SCHEDULES)
        check(
            isinstance(self.boundaries, (list, tuple)),
            "boundaries",
            "a list of integers",
            self.boundaries,
        )
        object.__setattr__(self, "boundaries", tuple(self.boundaries))
        rising = list(self.boundaries) == sorted(set(self.boundaries))
        check(
            rising and all(isinstance(b, int) for b in self.boundaries),
            "boundaries",
            "rising integers",
            self.boundaries,
        )
        check(
            bool(self.boundaries) == (self.kind == "step"),
            "boundaries",
            'some for kind="step", none otherwise',
            self.boundaries,
        )
        check_number(self, "factor", 1e-6, 1)
        check_number(self, "patience", 1, kind=int)
        check_number(self, "min_learning_rate", 0)
        if self.early_stop is not None:
            check_number(self, "early_stop", 1, kind=int)
