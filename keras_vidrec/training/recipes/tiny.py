"""A rehearsal of a recipe: everything it does, small and short."""

import dataclasses
import math

from keras_vidrec.applications.parts.arguments import IMAGENET
from keras_vidrec.specs import FrameSpec
from keras_vidrec.training import recipe_network

_BACKBONE = "tiny"
_SIZE = 64
_SHORT_SIDE = 128  # of frames
_NUM_SEGMENTS = 3
_BATCH_SIZE = 8
_ACCUMULATE = 2
_EPOCHS = 3


def tiny(recipe, settings=()):
    """A recipe on a small scale, to find out on a laptop and in minutes
    whether data, network, optimizer, schedule and test go together.

    One rule for all: every backbone is `"tiny"` and starts from random weights,
    nothing is frozen, and nothing is dropped out, so that the loss falls from
    the first steps; images are of 64 pixels, of frames resized by the recipe's
    rule to a shorter side of 128 at most; and where the recipe chooses a number
    of segments for training, there are 3 at most; at most 8 clips per step and
    2 accumulated steps; 3 epochs, the rate falling after the second, or after
    one without a gain, or one epoch of each phase, where layers that the recipe
    names are the head, and one without the backbone where it freezes something;
    a warm-up is of one step. What the network, the optimizer and the test are
    otherwise stays. The accuracy means nothing.

    Args:
        recipe: `Recipe`.
        settings: sequence of str, as `Recipe.with_settings` takes them. They
            win over the rule. Defaults to none.

    Returns:
        `Recipe` named `<name>_tiny`, whose summary describes the test run, with
        the settings. It reports no figures.

    Raises:
        ValueError: if the application is unknown, or as `with_settings`.
    """
    clip = {**recipe.clip, "size": _SIZE}
    if "num_segments" in clip:
        clip["num_segments"] = min(clip["num_segments"], _NUM_SEGMENTS)
    if recipe_network.backbones(recipe):
        clip["frame"] = _frame(recipe)
    optimizer = recipe.optimizer
    batch_size = min(optimizer.batch_size, _BATCH_SIZE)
    small = dataclasses.replace(
        recipe,
        name=f"{recipe.name}_tiny",
        summary="",
        clip=clip,
        network=dataclasses.replace(
            recipe.network, arguments=_arguments(recipe), head_dropout=0.0
        ),
        initialization=dataclasses.replace(
            recipe.initialization,
            weights=None,
            partial_batch_norm=False,
            frozen=(),
        ),
        optimizer=dataclasses.replace(
            optimizer,
            batch_size=batch_size,
            accumulate=min(optimizer.accumulate, _ACCUMULATE),
            sub_batch=optimizer.sub_batch
            and math.gcd(optimizer.sub_batch, batch_size),
        ),
        schedule=_schedule(recipe.schedule),
        reported=(),
    ).with_settings(settings)
    summary = small.summary or (
        f"Test run (--tiny) of {recipe.name}: {_extent(small)}"
    )
    return dataclasses.replace(small, summary=summary)


def _schedule(schedule):
    """A few epochs; layers have other names in a tiny backbone."""
    phases = [
        dataclasses.replace(
            phase,
            epochs=1,
            trained="all"
            if phase.trained == "all" and not phase.frozen
            else "head",
            frozen=(),
        )
        for phase in schedule.phases
    ]
    return dataclasses.replace(
        schedule,
        freeze={"backbone": 1} if schedule.freeze else {},
        epochs=None if phases else _EPOCHS,
        passes=1,
        steps=None,
        phases=phases,
        boundaries=(_EPOCHS - 1,) if schedule.boundaries else (),
        warmup="1 step" if schedule.warmup else None,
        patience=1,
    )


def _frame(recipe):
    """How frames are resized: by the same rule, to half the size or so."""
    stated = recipe.clip.get("frame", {})
    frame = recipe_network.builder(recipe).frame.to_dict()
    frame = FrameSpec.from_dict({**frame, **stated})
    factor = min(_SHORT_SIDE / frame.short_side, 1)
    return {**stated, "size": frame.scaled(factor).size}


def _extent(recipe):
    """What is trained, how long, and from where, for people."""
    parts = ["over features"]
    towers = dict.fromkeys(map(str, recipe_network.backbones(recipe).values()))
    if towers:
        parts = [f"{' and '.join(towers)} backbones"]
        if "size" in recipe.clip:
            parts.append(f"{recipe.clip['size']} pixels")
    schedule, unit = recipe.schedule, "epoch"
    number = schedule.epochs or sum(one.epochs for one in schedule.phases)
    if not number:
        number, unit = schedule.steps, "step"
    parts.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return f"{', '.join(parts)} from {_start(recipe.initialization.weights)}"


def _start(weights):
    """The weights that a network starts from. A path is left out: it may be
    another one when the same run goes on."""
    paths = weights.values() if isinstance(weights, dict) else [weights]
    kinds = dict.fromkeys(
        "ImageNet's" if path == IMAGENET else "trained"
        for path in paths
        if path is not None
    )
    return f"{' and '.join(kinds) or 'random'} weights"


def _arguments(recipe):
    """Those of the network, every backbone that it has being a tiny one."""
    arguments = {**recipe.network.arguments}
    if recipe_network.backbones(recipe):
        arguments["backbone"] = _BACKBONE
    return arguments
