"""Determines the layers that each phase of a schedule trains."""

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
    """The layers of one network that the phases of a schedule train.

    Args:
        model: keras.Model as it was built. Layers that are already frozen stay
            frozen in all phases.
        schedule: section `Schedule` of a recipe, with phases or `freeze`.
        optimizer: section `Optimizer` of the recipe.
        num_epochs: `None`, or int: epochs of the training, needed for a
            schedule with `freeze`. Defaults to `None`.

    Raises:
        ValueError: if a phase names layers that the network does not have, or
            trains nothing.
    """

    def __init__(self, model, schedule, optimizer, num_epochs=None):
        layers = layers_by_path(model)
        # A composed layer comes before its parts: setting its flag sets those
        # of its parts, which are set to their own values afterwards.
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
        self._rates = None  # a schedule over all phases sets the rates
        if schedule.kind == "constant":
            rates = optimizers.learning_rates(schedule, optimizer)
            # A schedule with `freeze` has one rate.
            self._rates = rates[:1] * len(self._phases)
            self._rates = rates if schedule.phases else self._rates
        self._ends = [
            *itertools.accumulate(phase.epochs for phase in self._phases)
        ]

    def at(self, epoch):
        """Returns the number of the phase, from 0, that epoch `epoch` is in."""
        return sum(epoch >= end for end in self._ends[:-1])

    def end(self, number):
        """Returns the number of epochs done at the end of phase `number`."""
        return self._ends[number]

    def weights(self, number):
        """Returns the weights that phase `number` trains, in the order of the
        network."""
        return [
            weight
            for path, weights in self._weights.items()
            if path in self._trained[number]
            for weight in weights
        ]

    def freeze(self, number):
        """Freezes the layers that phase `number` does not train. Call it before
        `compile`."""
        trained = self._trained[number]
        for path, flags in self._flags.items():
            _set((part, flag and path in trained) for part, flag in flags)

    @contextlib.contextmanager
    def released(self):
        """A context for saving the network, in which no phase freezes
        layers."""
        flags = [*itertools.chain(*self._flags.values())]
        now = [(part, part.trainable) for part, _ in flags]
        _set(flags)
        try:
            yield
        finally:
            _set(now)

    def describe(self, number):
        """Returns a line about phase `number`: its epochs, the layers it
        trains, and its learning rate."""
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
    """A context in which errors name the setting that a phase comes from."""
    if schedule.phases:
        with checks.inside(f"schedule.phases[{number}]."):
            yield
    else:
        with checks.inside("schedule."):
            with checks.names(trained="freeze", frozen="freeze"):
                yield


def _chosen(model, weights, phase):
    """Returns the set of paths of the layers that a phase trains.

    Args:
        model: keras.Model.
        weights: dict from the paths of all layers to the trainable weights of
            each.
        phase: `Phase`.

    Raises:
        ValueError: if nothing would be trained, or frozen.
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
            f"parts with trainable weights, unlike the {name} of "
            f"{model.name!r}",
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
    """Returns the set of paths of the layers that names or patterns match."""
    chosen = set()
    for name in names:
        found = {path for path in weights if _fits(name, path)}
        _check_found(name, found, weights, argument, names)
        chosen |= found
    return chosen


def _fits(name: str, path: str) -> bool:
    return any(fnmatch.fnmatchcase(one, name) for one in _names(path))


def _names(path: str) -> list[str]:
    """The names by which a recipe may select a layer: its name and those of the
    models that contain it, alone or with the models around them."""
    parts = path.split("/")
    return [*itertools.accumulate(parts, "{}/{}".format), *parts]


def _check_found(name, found, weights, argument, names):
    """Raises an error if a name matches no layer with trainable weights."""
    if any(weights[path] for path in found):
        return
    known = [_names(path) for path in weights if weights[path]]
    known = [*FROZEN_PARTS, *itertools.chain(*known)]
    near = difflib.get_close_matches(name, known, 1, 0.0)
    checks.check(
        False,
        argument,
        f"names of layers with trainable weights, unlike {name!r}, such as "
        f"{', '.join(map(repr, near))}",
        names,
    )
