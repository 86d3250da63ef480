"""What training says before it begins."""

import logging
import re

from keras_vidrec.data import pipeline
from keras_vidrec.training.optimizers import section as optimizers

logger = logging.getLogger("keras_vidrec")

# What a mirror turns into each other. It changes neither open and close, nor
# up and down, nor push and pull.
_MIRRORED = (
    ("left", "right"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("clockwise", "counterclockwise"),
    ("clockwise", "anticlockwise"),
    ("cw", "ccw"),
)


def note_data(data):
    """Shows what there is to train on, and says what a recipe makes of it
    that one may not expect.

    Args:
        data: `Dataset`.
    """
    parts = [f"{len(data.train)} videos to train on"]
    if data.validation:
        parts.append(f"{len(data.validation)} for validation")
    parts.append(f"{len(data.test)} to test")
    num_classes = len(data.source.classes)
    print(f"{num_classes} classes; {', '.join(parts)}", flush=True)
    section, schedule = data.recipe.optimizer, data.recipe.schedule
    if section.batch_size > len(data.train):
        logger.warning(
            "a batch of %d shows some of the %d videos several times",
            section.batch_size,
            len(data.train),
        )
    steps = pipeline.steps_per_epoch(len(data.train), section.batch_size)
    epochs = optimizers.num_epochs(schedule, section, steps)
    updates = epochs * steps // section.accumulate
    if schedule.steps not in (None, updates):
        logger.warning(
            "%d updates are filled up to whole epochs: %d (schedule.steps)",
            schedule.steps,
            updates,
        )
    pairs = mirrored_classes(data.source.classes)
    if pairs and data.recipe.augmentation.flip:
        logger.warning(
            "half of the clips are mirrored in training, which turns classes "
            "into each other: %s (augmentation.flip=false)",
            ", ".join(" = ".join(map(repr, pair)) for pair in pairs),
        )


def mirrored_classes(classes):
    """The classes that a mirror turns into each other, by the words in their
    names: `Turning Left` and `turning_right`.

    Args:
        classes: sequence of str.

    Returns:
        List of pairs of names, in the order of `classes`.
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


def _words(name):
    """The words of a name, whichever way it is written."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    name = re.sub(r"(counter|anti)[\W_]+clock", r"\1clock", name)
    return tuple(re.findall(r"[^\W_]+", name))


def note_learning_rate(optimizer):
    """Says so if a learning rate was published for another batch than that
    of this run: which rate is in proportion, and whether it is used.

    Args:
        optimizer: section `Optimizer` of a recipe.
    """
    reference, real = optimizer.reference_batch, optimizer.effective_batch
    if reference in (None, real):
        return
    published = (
        f"learning rate {optimizer.learning_rate:g} was published for batches "
        f"of {reference}; this run's are of {real}"
    )
    if optimizer.scale_learning_rate:
        rate = optimizers.real_learning_rate(optimizer)
        logger.warning("%s: scaled in proportion to %g", published, rate)
    else:
        rate = optimizer.learning_rate * real / reference
        logger.warning(
            "%s: in proportion it would be %g (optimizer.scale_learning_rate)",
            published,
            rate,
        )
