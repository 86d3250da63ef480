"""Messages that training prints or logs at its start and at its end."""

import collections.abc
import logging
import re

from keras_vidrec.data import imbalance
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.clips import short_videos
from keras_vidrec.data.clips.feature_reader import are_features
from keras_vidrec.specs.checks import counted
from keras_vidrec.training.callbacks import words
from keras_vidrec.training.optimizers import section as optimizers

logger = logging.getLogger("keras_vidrec")

# Words that a horizontal flip turns into each other. It does not change open
# and close, up and down, or push and pull.
_MIRRORED = (
    ("left", "right"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("clockwise", "counterclockwise"),
    ("clockwise", "anticlockwise"),
    ("cw", "ccw"),
)


def note_data(data):
    """Prints the number of classes and videos, and logs effects of the recipe
    on these data that a user may not expect.

    Args:
        data: `Dataset`.
    """
    parts = [f"{counted(len(data.train), 'video')} to train on"]
    if data.validation:
        parts.append(f"{len(data.validation)} for validation")
    parts.append(f"{len(data.test)} to test")
    classes = f"{counted(len(data.source.classes), 'class')}"
    if label_sets.are_sets(data.source.labels):
        classes += ", several labels per video"
    print(f"{classes}; {', '.join(parts)}", flush=True)
    if data.validation and data.recipe.validation.auto:
        print(
            "The validation part selects the epoch whose network is saved "
            "(validation.fraction=0 disables it).",
            flush=True,
        )
    section, schedule = data.recipe.optimizer, data.recipe.schedule
    if section.batch_size > len(data.train):
        logger.warning(
            "a batch of %d contains some of the %d videos several times",
            section.batch_size,
            len(data.train),
        )
    steps = pipeline.steps_per_epoch(len(data.train), section.batch_size)
    epochs = optimizers.num_epochs(schedule, section, steps)
    updates = epochs * steps // section.accumulate
    if schedule.steps not in (None, updates):
        logger.warning(
            "%d updates are rounded up to whole epochs: %d (schedule.steps)",
            schedule.steps,
            updates,
        )
    if section.ema is not None and 1 / (1 - section.ema) > updates:
        logger.warning(
            "the average of the weights spans about %d updates, and the "
            "training has only %d (optimizer.ema)",
            round(1 / (1 - section.ema)),
            updates,
        )
    several = label_sets.are_sets(data.source.labels)
    loss = data.recipe.loss
    helped = (
        loss.kind == "focal"
        if several
        else loss.class_weights or data.recipe.data.sampling != "natural"
    )
    if not helped:
        found = imbalance.counts(data.source, data.train)
        remedy = imbalance.remedy(several)
        for line in imbalance.remarks(found, "videos to train on", remedy):
            logger.warning("%s", line)
    if data.validation:
        found = imbalance.counts(data.source, data.validation)
        missing = [name for name, number in found.items() if not number]
        if missing:
            logger.warning(
                "the validation part has no video of %s: its figures do "
                "not include them (validation.fraction)",
                ", ".join(map(repr, missing)),
            )
    pairs = mirrored_classes(data.source.classes)
    mirrors = data.recipe.augmentation.mirrors
    if pairs and mirrors and not are_features(data.source):
        logger.warning(
            "half of the training clips are mirrored, which turns classes "
            "into each other: %s (augmentation.flip=false disables it)",
            ", ".join(" = ".join(map(repr, pair)) for pair in pairs),
        )


def note_sampling(data, spec):
    """Logs a warning if videos are too short for the sampling of clips.

    Args:
        data: `Dataset`.
        spec: `ClipSpec` of the network.
    """
    if not are_features(data.source):
        line = short_videos.remark(data.source, data.train, spec)
        if line:
            logger.warning("%s", line)


def note_end(data, outcome):
    """Prints what was trained, its accuracy, and how long it took.

    Args:
        data: `Dataset`.
        outcome: dict, as `Loop.train` returns it.
    """
    recipe = data.recipe
    if not outcome["epochs"]:
        return  # the classifier was computed, and `classifiers.fit` logged it
    name = recipe.name if recipe.name.isprintable() else repr(recipe.name)
    videos = words.count(len(data.train), "video")
    classes = words.count(len(data.source.classes), "class")
    print(
        f"Trained {name} ({recipe.network.application}) on {videos} of "
        f"{classes}: {words.count(outcome['epochs'], 'epoch')} in "
        f"{words.duration(outcome['seconds'])}."
    )
    for measure in ("accuracy", "mean_average_precision"):
        what = measure.replace("_", " ")
        if f"validation_{measure}" in outcome:
            found = words.percent(outcome[f"validation_{measure}"])
            videos = words.count(len(data.validation), "video")
            print(
                f"Validation {what} {found} of {videos}, by the network of "
                f"epoch {outcome['best_epoch']}, which is saved.",
                flush=True,
            )
        elif measure in outcome:
            found = words.percent(outcome[measure])
            print(
                f"{what.capitalize()} in training {found}; without a "
                "validation part the accuracy on other videos is unknown "
                "(validation.fraction).",
                flush=True,
            )


def mirrored_classes(classes):
    """Pairs of classes that a horizontal flip turns into each other, according
    to the words in their names, such as `Turning Left` and `turning_right`.

    Args:
        classes: sequence of str.

    Returns:
        list of pairs of names, in the order of `classes`.
    """
    words = {_words(name): name for name in classes}
    pairs = {}
    for name in classes:
        for one, other in _MIRRORED:
            swap = {one: other, other: one}
            turned = tuple(swap.get(word, word) for word in _words(name))
            partner = words.get(turned, name)
            if partner != name:
                pairs.setdefault(frozenset((name, partner)), (name, partner))
    return list(pairs.values())


def _words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, whether they are separated by spaces,
    punctuation or capital letters."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    name = re.sub(r"(counter|anti)[\W_]+clock", r"\1clock", name)
    return tuple(re.findall(r"[^\W_]+", name))


def note_learning_rate(optimizer, schedule):
    """Logs a warning if the learning rates were published for another batch
    size than that of this run, with the rates in proportion to this batch size.

    Args:
        optimizer: section `Optimizer` of a recipe.
        schedule: section `Schedule` of the recipe, whose phases may have rates.
    """
    reference, real = optimizer.reference_batch, optimizer.effective_batch
    if reference in (None, real):
        return
    rates = optimizers.published_rates(schedule, optimizer)
    one = len(rates) == 1
    published = (
        f"learning {'rate' if one else 'rates'} {_listed(rates)} "
        f"{'was' if one else 'were'} published for batches of {reference}; "
        f"this run's are of {real}"
    )
    scaled = _listed(rate * real / reference for rate in rates)
    if optimizer.scale_learning_rate:
        logger.warning("%s: scaled in proportion to %s", published, scaled)
    else:
        logger.warning(
            "%s: in proportion %s would be %s (optimizer.scale_learning_rate)",
            published,
            "it" if one else "they",
            scaled,
        )


def _listed(rates: collections.abc.Iterable[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)
