"""A rehearsal of a recipe: everything it does, small and short."""

import dataclasses

from keras_vidrec.training import network

_BACKBONE = "tiny"
_SIZE = 64
_NUM_SEGMENTS = 3
_BATCH_SIZE = 8
_ACCUMULATE = 2
_EPOCHS = 3


def tiny(recipe):
    """A recipe on a small scale, to find out on a laptop and in minutes
    whether data, network, optimiser, schedule and test go together.

    One rule for all: every backbone is `"tiny"` and starts from random
    weights, nothing is frozen, and nothing is dropped out, so that the loss
    falls from the first steps; images are of 64 pixels and snippets of at most
    3 segments; at most 8 clips a step and 2 accumulated steps; 3 epochs, the
    rate falling after the second, or after one without a gain. What the
    network, the optimiser and the test are otherwise stays. The accuracy
    means nothing.

    Args:
        recipe: `Recipe`.

    Returns:
        `Recipe` named `<name>_tiny`, whose summary tells that it is a
        rehearsal. It reports no figures.

    Raises:
        ValueError: if the application is unknown.
    """
    clip = {**recipe.clip, "size": _SIZE}
    if "num_segments" in clip:
        clip["num_segments"] = min(clip["num_segments"], _NUM_SEGMENTS)
    optimiser = recipe.optimiser
    batch_size = min(optimiser.batch_size, _BATCH_SIZE)
    return dataclasses.replace(
        recipe,
        name=f"{recipe.name}_tiny",
        summary=f"Rehearsal of {recipe.name}: tiny backbones, {_SIZE} pixels, "
        f"{_EPOCHS} epochs from random weights",
        clip=clip,
        network=dataclasses.replace(
            recipe.network, arguments=_arguments(recipe)
        ),
        initialisation=dataclasses.replace(
            recipe.initialisation,
            weights=None,
            partial_batch_norm=False,
            frozen=(),
        ),
        optimiser=dataclasses.replace(
            optimiser,
            batch_size=batch_size,
            accumulate=min(optimiser.accumulate, _ACCUMULATE),
            sub_batch=optimiser.sub_batch
            and min(optimiser.sub_batch, batch_size),
        ),
        schedule=dataclasses.replace(
            recipe.schedule,
            epochs=_EPOCHS,
            steps=None,
            boundaries=(_EPOCHS - 1,) if recipe.schedule.boundaries else (),
            patience=1,
        ),
        reported=(),
    )


def _arguments(recipe):
    """Those of the network, every backbone that it has being a tiny one,
    which has no style."""
    arguments = {**recipe.network.arguments, "dropout": 0.0}
    for name, parameter in network.parameters(recipe).items():
        backbone = arguments.get(name, parameter.default)
        if name.endswith("backbone") and backbone is not None:
            arguments[name] = _BACKBONE
    arguments.pop("style", None)
    return arguments
