"""From the phases of a schedule to the layers that each of them trains."""

import contextlib
import difflib
import fnmatch
import itertools
import math

from keras_vidrec.specs import checks
from keras_vidrec.training import freezing
from keras_vidrec.training.optimizers import multipliers
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.recipes.phase import FROZEN_PARTS
from keras_vidrec.weights.towers import layers_by_path


class Phases:
    """What the phases of a schedule train of one network.

    Args:
        model: keras.Model as it was built: what is frozen then stays so in
            all phases.
        schedule: section `Schedule` of a recipe that has phases, or `freeze`.
        optimizer: section `Optimizer` of it.
        num_epochs: `None`, or int: epochs of the training, which a schedule
            with `freeze` takes. Defaults to `None`.

    Raises:
        ValueError: if a phase names layers that the network does not have, or
            trains nothing.
    """

    def __init__(self, model, schedule, optimizer, num_epochs=None):
        layers = layers_by_path(model)
        # A composed layer comes before its parts, which it sets too.
        self._flags = {
            path: [(part, part.trainable) for part in freezing.within(layer)]
            for path, layer in layers.items()
        }
        self._weights = {
            path: layer.trainable_weights for path, layer in layers.items()
        }
        self._trained = []
        self._phases = schedule.phases_of(num_epochs)
        for number, phase in enumerate(self._phases):
            with _named(schedule, number):
                chosen = _chosen(model, self._weights, phase)
            self._trained.append(chosen)
        self._rates = None  # a schedule of all phases says them
        if schedule.kind == "constant":
            rates = optimizers.learning_rates(schedule, optimizer)
            # Of what is frozen at first there is one.
            self._rates = rates[:1] * len(self._phases)
            self._rates = rates if schedule.phases else self._rates
        self._ends = [
            *itertools.accumulate(phase.epochs for phase in self._phases)
        ]

    def at(self, epoch):
        """The number, from 0, of the phase that trains this epoch."""
        return sum(epoch >= end for end in self._ends[:-1])

    def end(self, number):
        """The epochs done when this phase ends."""
        return self._ends[number]

    def weights(self, number):
        """The weights that a phase trains, in the order of the network."""
        return [
            weight
            for path, weights in self._weights.items()
            if path in self._trained[number]
            for weight in weights
        ]

    def freeze(self, number):
        """Freezes what a phase does not train. Call it before `compile`."""
        trained = self._trained[number]
        for path, flags in self._flags.items():
            _set((part, flag and path in trained) for part, flag in flags)

    @contextlib.contextmanager
    def released(self):
        """A context in which the network is as it was built, to be saved."""
        flags = [*itertools.chain(*self._flags.values())]
        now = [(part, part.trainable) for part, _ in flags]
        _set(flags)
        try:
            yield
        finally:
            _set(now)

    def describe(self, number):
        """A line for people: what a phase trains, when, and at which rate."""
        phase = self._phases[number]
        trained = phase.trained
        what = trained if isinstance(trained, str) else ", ".join(trained)
        if phase.frozen:
            what += f" but {', '.join(phase.frozen)}"
        size = sum(math.prod(one.shape) for one in self.weights(number))
        end = self._ends[number]
        first = end - phase.epochs + 1
        epochs = f"epoch {end}" if first == end else f"epochs {first} to {end}"
        line = (
            f"phase {number + 1} of {len(self._ends)}, {epochs}: trains {what} "
            f"({size:,} weights)"
        )
        if self._rates:
            line += f", learning rate {self._rates[number]:g}"
        return line


def _set(flags):
    for part, trainable in flags:
        part.trainable = trainable


@contextlib.contextmanager
def _named(schedule, number):
    """Errors name the part of the schedule that a phase comes from."""
    if schedule.phases:
        with checks.inside(f"schedule.phases[{number}]."):
            yield
    else:
        with checks.inside("schedule."):
            with checks.names(trained="freeze", frozen="freeze"):
                yield


def _chosen(model, weights, phase):
    """Paths of the layers that are trained.

    Args:
        model: keras.Model.
        weights: dict from the paths of all layers to the weights of each that
            could be trained.
        phase: `Phase`.
    """
    head = {id(layer) for layer in multipliers.head(model)}
    layers = layers_by_path(model)
    parts = {
        "all": set(weights),
        "head": {path for path in weights if id(layers[path]) in head},
    }
    parts["backbone"] = parts["all"] - parts["head"]
    if isinstance(phase.trained, str):
        chosen = parts[phase.trained]
    else:
        chosen = _layers(weights, phase.trained, "trained")
    of_parts = [name for name in phase.frozen if name in parts]
    frozen = _layers(
        weights, [x for x in phase.frozen if x not in of_parts], "frozen"
    )
    for name in of_parts:
        checks.check(
            any(weights[path] for path in parts[name]),
            "frozen",
            f"nothing of the {name}, of which {model.name!r} has none that "
            "could be trained",
            phase.frozen,
        )
        frozen |= parts[name]
    chosen = chosen - frozen
    checks.check(
        any(weights[path] for path in chosen),
        "frozen" if frozen else "trained",
        f"layers of {model.name!r} with weights that nothing else freezes"
        if not frozen
        else f"something of {model.name!r} left to train",
        phase.frozen or phase.trained,
    )
    return chosen


def _layers(weights, names, argument):
    """Paths of the layers of some names or patterns."""
    chosen = set()
    for name in names:
        found = {path for path in weights if _fits(name, path)}
        _check_found(name, found, weights, argument, names)
        chosen |= found
    return chosen


def _fits(name, path):
    return any(fnmatch.fnmatchcase(one, name) for one in _names(path))


def _names(path):
    """What a layer can be called by: its name and those of the models that it
    is in, alone or with the models around them."""
    parts = path.split("/")
    return [*itertools.accumulate(parts, "{}/{}".format), *parts]


def _check_found(name, found, weights, argument, names):
    """Refuses a name without layers that could be trained."""
    if any(weights[path] for path in found):
        return
    known = [_names(path) for path in weights if weights[path]]
    known = [*FROZEN_PARTS, *itertools.chain(*known)]
    near = difflib.get_close_matches(name, known, 1, 0.0)
    checks.check(
        False,
        argument,
        f"layers that are there and can be trained, unlike {name!r}, such as "
        f"{', '.join(map(repr, near))}",
        names,
    )
