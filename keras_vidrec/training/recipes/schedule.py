"""The section `schedule` of a recipe."""

import dataclasses

from keras_vidrec.specs import checks
from keras_vidrec.training.recipes.phase import check_phases
from keras_vidrec.training.recipes.phase import of_freeze

KINDS = ("constant", "step", "cosine", "one_cycle", "plateau", "keras")
# Kinds that can be used with phases: the schedule spans all of them.
_OF_ALL_PHASES = ("constant", "cosine", "one_cycle", "keras")


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The length of a training, and its learning rate over time. Exactly one of
    `epochs`, `steps` and `phases` must be set.

    Args:
        epochs: `None` or int. 0, without a validation part, if the classifier
            is computed (`initialization.classifier`) and nothing is trained.
        passes: int. Number of passes over the training part in an epoch, the
            unit of logging, backups, validation and `boundaries`. Defaults to
            `1`.
        steps: `None` or int. Optimizer steps.
        phases: tuple of `Phase`: parts of the training, one after the other,
            each with its epochs, its rate, and the layers that it trains.
            Defaults to `()`.
        freeze: dict from parts that are frozen at first to numbers of epochs:
            `{"backbone": 2}`, also as str, `{"backbone": "2 epochs"}`. Parts
            are also `"head"`, or names of layers as `Phase` takes them. The
            learning rates do not change. Not with `phases`, which have their
            own `frozen`. Defaults to `{}`.
        kind: str. `"constant"`; `"step"` (times `factor` at each boundary);
            `"cosine"` (to `min_learning_rate` at the end); `"one_cycle"` (from
            1/25 of the rate up to it in the warm-up, or the first 30 % of the
            updates, then down as `"cosine"`); `"plateau"` (times `factor` when
            the validation accuracy has not improved for `patience` epochs;
            needs a validation part); or `"keras"`, see `config`. With `phases`,
            `"step"` and `"plateau"` cannot be used, and the others only if the
            phases have no rates.
        warmup: `None`, or str: length of a linear increase of the rate at the
            start, `"5 epochs"`, or `"500 steps"` of the optimizer. Boundaries
            are not shifted; the curve of `"cosine"` and of `"keras"` begins
            after it. Not for `"plateau"`. Defaults to `None`.
        config: `None`, or dict: of kind `"keras"`, the schedule as Keras
            describes it, `{"class_name": "ExponentialDecay", "config": {...}}`:
            one of `keras.optimizers.schedules`, or your own registered class
            (`"package>Name"`). It is called with the number of the update, and
            takes `optimizer.learning_rate` as its `initial_learning_rate`;
            `PiecewiseConstantDecay` has rates of its own. Defaults to `None`.
        boundaries: tuple of int, in the unit of `epochs` or `steps`.
        factor: float in (0, 1]. Defaults to `0.1`.
        patience: int. Epochs without improvement, for `"plateau"`. Defaults to
            `5`.
        min_learning_rate: float. Lower limit of `"plateau"`, and end of
            `"cosine"` and `"one_cycle"`. Defaults to `0.0`.
        early_stop: `None`, or int: epochs without improvement of the validation
            accuracy after which training ends, in any phase; needs a validation
            part.
    """

    epochs: int | None = None
    passes: int = 1
    steps: int | None = None
    phases: tuple = ()
    freeze: dict = dataclasses.field(default_factory=dict)
    kind: str = "constant"
    warmup: str | None = None
    config: dict | None = None
    boundaries: tuple = ()
    factor: float = 0.1
    patience: int = 5
    min_learning_rate: float = 0.0
    early_stop: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "phases", check_phases(self.phases))
        self._check_length()
        self._check_freeze()
        checks.count("passes", self.passes)
        checks.choice("kind", self.kind, KINDS)
        self._check_kind()
        self._check_warmup()
        boundaries = self.boundaries
        checks.check(
            isinstance(boundaries, (list, tuple))
            and all(map(checks.is_integer, boundaries))
            and list(boundaries) == sorted(set(boundaries)),
            "boundaries",
            "a list of rising integers",
            boundaries,
        )
        object.__setattr__(self, "boundaries", tuple(boundaries))
        checks.check(
            bool(self.boundaries) == (self.kind == "step"),
            "boundaries",
            'some for kind="step", none otherwise',
            self.boundaries,
        )
        checks.number("factor", self.factor, 1e-6, 1)
        checks.count("patience", self.patience)
        checks.number("min_learning_rate", self.min_learning_rate, 0)
        if self.early_stop is not None:
            checks.count("early_stop", self.early_stop)

    def phases_of(self, num_epochs):
        """Returns the phases of a training of `num_epochs` epochs, including
        those that `freeze` makes, as a tuple of `Phase`."""
        return self.phases or of_freeze(self.freeze, num_epochs)

    def _check_freeze(self):
        freeze = self.freeze
        is_dict = isinstance(freeze, dict)
        numbers = [*map(_epochs, freeze.values())] if is_dict else [0]
        checks.check(
            all(numbers)
            and all(isinstance(name, str) and name for name in freeze),
            "freeze",
            "a mapping from parts that are frozen at first to numbers of "
            "epochs, such as {backbone: 2} or {backbone: 2 epochs}",
            freeze,
        )
        freeze = dict(zip(freeze, numbers))
        object.__setattr__(self, "freeze", freeze)
        checks.check(
            not (freeze and self.phases),
            "freeze",
            "{} with phases, each of which sets what it trains",
            freeze,
        )

    def _check_kind(self):
        expected, allowed = f"one of {_OF_ALL_PHASES} beside", _OF_ALL_PHASES
        what = "phases"
        if any(one.learning_rate is not None for one in self.phases):
            expected, allowed = '"constant" beside', ("constant",)
            what = "phases with rates of their own"
        checks.check(
            not self.phases or self.kind in allowed,
            "kind",
            f"{expected} {what} (phases=[] leaves them out)",
            self.kind,
        )
        config = self.config
        checks.check(
            config is None
            if self.kind != "keras"
            else isinstance(config, dict)
            and isinstance(config.get("class_name"), str)
            and isinstance(config.get("config", {}), dict)
            and config.keys() <= {"class_name", "config"},
            "config",
            'null, or beside kind="keras" a schedule of Keras: a mapping of '
            "class_name to its name and config to its arguments",
            config,
        )

    def _check_warmup(self):
        if self.warmup is None:
            return
        words = self.warmup.split() if isinstance(self.warmup, str) else []
        checks.check(
            len(words) == 2
            and words[0].isdecimal()
            and int(words[0]) > 0
            and words[1] in ("epoch", "epochs", "step", "steps"),
            "warmup",
            'null, or a length in epochs, such as "5 epochs", or in updates, '
            'such as "500 steps"',
            self.warmup,
        )
        checks.check(
            self.kind != "plateau",
            "warmup",
            'null with kind="plateau", which changes the rate itself',
            self.warmup,
        )

    def _check_length(self):
        lengths = {"epochs": self.epochs, "steps": self.steps}
        given = [name for name in lengths if lengths[name] is not None]
        if self.phases:
            expected = "null beside phases, each of which has its epochs "
            expected += "(phases=[] leaves them out)"
        elif not given:
            expected = "a number, where there are neither steps nor phases"
            checks.check(False, "epochs", expected, self.epochs)
        else:
            first = given.pop(0)
            expected = f"either epochs or steps, null beside {first}="
            expected += str(lengths[first])
            checks.count(first, lengths[first], int(first != "epochs"))
        for name in given:
            checks.check(False, name, expected, lengths[name])


def _epochs(length: int | str) -> int:
    """The number of epochs of `2` or `"2 epochs"`; 0 for anything else."""
    if isinstance(length, str):
        number, _, unit = length.partition(" ")
        if unit not in ("epoch", "epochs") or not number.isdecimal():
            return 0
        length = int(number)
    return length if checks.is_integer(length) and length > 0 else 0
