"""A part of a training: what it trains, how long and how fast."""

import dataclasses

from keras_vidrec.specs import checks

# Of what is trained, besides lists of layers.
PARTS = ("all", "head")
# Of what is frozen, besides names of layers.
FROZEN_PARTS = ("backbone", "head")


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some epochs in which only a part of the network may be trained.

    What a phase does not train stays as it is: the weights, the statistics of
    batch normalization, which are used as they are, and what the optimizer
    keeps of past gradients, which a later phase goes on with.

    Args:
        epochs: int. Epochs of the phase, of `passes` each.
        learning_rate: `None` (that of the phase before), or float > 0: the
            learning rate in all of the phase. The first phase has that of the
            section `optimizer`, and none here.
        trained: str or tuple of str. `"all"`; `"head"` (what is behind the
            towers); or layers, by name (`fc7`), with the models that they are
            in (`rgb/fc7`, or `rgb` for all of a tower), or by a pattern of
            either (`fc*`). What the section `initialization` freezes stays
            frozen. Defaults to `"all"`.
        frozen: tuple of str. What of it is not trained all the same:
            `"backbone"` (all that is not the head), `"head"`, or layers as
            above. Defaults to `()`.
    """

    epochs: int
    learning_rate: float | None = None
    trained: str | tuple = "all"
    frozen: tuple = ()

    def __post_init__(self):
        checks.count("epochs", self.epochs)
        if self.learning_rate is not None:
            checks.positive("learning_rate", self.learning_rate)
        trained = self.trained
        if isinstance(trained, (list, tuple)):
            object.__setattr__(self, "trained", tuple(trained))
            known = trained and _are_different_names(trained)
            known = known and not set(trained) & set(PARTS)
        else:
            known = trained in PARTS
        checks.check(
            known,
            "trained",
            f"one of {PARTS} alone, or a list of different names of layers",
            trained,
        )
        frozen = self.frozen
        checks.check(
            isinstance(frozen, (list, tuple)) and _are_different_names(frozen),
            "frozen",
            f"a list of different names of layers, or of {FROZEN_PARTS}",
            frozen,
        )
        object.__setattr__(self, "frozen", tuple(frozen))


def _are_different_names(names):
    return all(isinstance(name, str) and name for name in names) and (
        len(set(names)) == len(names)
    )


def of_freeze(freeze, num_epochs):
    """The phases of a training whose first epochs do not train all of it.

    Args:
        freeze: dict from what is frozen, as `Phase.frozen` names it, to the
            first epochs in which it is.
        num_epochs: int. Epochs of the training.

    Returns:
        tuple of `Phase`; without any if nothing is frozen, or trained.
    """
    if not freeze:
        return ()
    ends = {min(number, num_epochs) for number in freeze.values()}
    begin, phases = 0, []
    for end in sorted({*ends, num_epochs} - {0}):
        frozen = tuple(x for x, number in freeze.items() if number > begin)
        phases.append(Phase(end - begin, frozen=frozen))
        begin = end
    return tuple(phases)


def check_phases(phases):
    """The phases of a schedule as a tuple.

    Raises:
        ArgumentError: if these are no phases, or the first one has a rate.
    """
    checks.check(
        isinstance(phases, (list, tuple))
        and all(isinstance(phase, Phase) for phase in phases),
        "phases",
        "a list of phases, each with its `epochs`",
        phases,
    )
    if phases:
        checks.check(
            phases[0].learning_rate is None,
            "phases[0].learning_rate",
            "null: the first phase has that of the section `optimizer`",
            phases[0].learning_rate,
        )
    return tuple(phases)
