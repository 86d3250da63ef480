"""Makes a small and short version of a recipe, for a test run."""

import dataclasses
import math

from keras_vidrec.applications.parts.arguments import IMAGENET
from keras_vidrec.specs import FrameSpec
from keras_vidrec.training import recipe_network

_BACKBONE = "tiny"
_SIZE = 64
_SHORT_SIDE = 128  # maximum, of frames
_NUM_SEGMENTS = 3
_BATCH_SIZE = 8
_ACCUMULATE = 2
_EPOCHS = 3


def tiny(recipe, settings=()):
    """Makes a small version of a recipe, to check within minutes on a laptop
    that data, network, optimizer, schedule and test work together.

    The same changes are made to every recipe:

    - Every backbone is `"tiny"` with random weights, and no tower or batch
      normalization is frozen. Head dropout is 0, so that the loss falls from
      the first steps.
    - Images have 64 pixels; frames are resized by the recipe's rule, to a
      shorter side of at most 128 pixels.
    - At most 3 segments in training if the recipe sets their number, at most 8
      clips per step, and at most 2 accumulated steps.
    - 3 epochs. A learning rate with boundaries falls after the second; a
      plateau is one epoch without improvement; a warm-up is one step long.
    - With phases, one epoch each; a phase that does not train all layers trains
      the head. With `freeze`, the backbone is frozen in the first epoch.

    All other settings stay. The accuracy of such a run means nothing.

    Args:
        recipe: `Recipe`.
        settings: sequence of str, as `Recipe.with_settings` takes them. They
            are applied after these changes. Defaults to `()`.

    Returns:
        `Recipe` named `<name>_tiny`. Its summary describes the test run, and it
        has no reported figures.

    Raises:
        ValueError: if the application is unknown, or as for
            `Recipe.with_settings`.
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
    """The schedule with a few epochs. Phases cannot select layers by name,
    because layers of the tiny backbone have other names."""
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
    """The `frame` of the recipe's clip, scaled down to a shorter side of at
    most `_SHORT_SIDE`."""
    stated = recipe.clip.get("frame", {})
    frame = recipe_network.builder(recipe).frame.to_dict()
    frame = FrameSpec.from_dict({**frame, **stated})
    factor = min(_SHORT_SIDE / frame.short_side, 1)
    return {**stated, "size": frame.scaled(factor).size}


def _extent(recipe):
    """A phrase with the backbones, the size, the length and the initial weights
    of a training."""
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


def _start(weights: str | dict | None) -> str:
    """A phrase for the initial weights. It contains no paths, which may have
    changed when the run is resumed."""
    paths = weights.values() if isinstance(weights, dict) else [weights]
    kinds = dict.fromkeys(
        "ImageNet's" if path == IMAGENET else "trained"
        for path in paths
        if path is not None
    )
    return f"{' and '.join(kinds) or 'random'} weights"


def _arguments(recipe):
    """The arguments of the network, with tiny backbones if it has backbones."""
    arguments = {**recipe.network.arguments}
    if recipe_network.backbones(recipe):
        arguments["backbone"] = _BACKBONE
    return arguments
