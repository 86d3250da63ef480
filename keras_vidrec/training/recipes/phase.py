"""The phases of a schedule, each of which trains a part of the network."""

import dataclasses

from keras_vidrec.specs import checks

# Values of `trained` other than lists of layers.
PARTS = ("all", "head")
# Values in `frozen` other than names of layers.
FROZEN_PARTS = ("backbone", "head")


@dataclasses.dataclass(frozen=True)
class Phase:
    """Successive epochs in which only a part of the network is trained.

    For the other layers, nothing changes in the phase: their weights, the
    statistics of batch normalization, which are used in training, and their
    optimizer state, which a later phase continues with.

    Args:
        epochs: int. Epochs of the phase, with `passes` passes each.
        learning_rate: `None` (that of the previous phase), or float > 0: the
            learning rate of the phase. Must be `None` for the first phase,
            which has that of the section `optimizer`. Defaults to `None`.
        trained: str or tuple of str. `"all"`; `"head"` (the layers after the
            towers); or a list of layers, by name (`fc7`), with the models that
            contain them (`rgb/fc7`, or `rgb` for a whole tower), or by a
            pattern of either (`fc*`). Layers that the section `initialization`
            freezes stay frozen. Defaults to `"all"`.
        frozen: tuple of str. Parts of `trained` that are not trained:
            `"backbone"` (everything except the head), `"head"`, or layers as
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
    """The phases of a training in which parts are frozen at first.

    Args:
        freeze: dict from parts, as in `Phase.frozen`, to the number of first
            epochs in which they are frozen.
        num_epochs: int. Epochs of the training.

    Returns:
        tuple of `Phase`, empty if nothing is frozen or there are no epochs.
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
    """Checks the phases of a schedule. Returns them as a tuple.

    Raises:
        ArgumentError: if they are not a list of `Phase`, or the first one has a
            learning rate.
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
