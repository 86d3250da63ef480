"""What training says before it begins."""

import logging

from keras_vidrec.data import pipeline
from keras_vidrec.training.optimizers import section as optimizers

logger = logging.getLogger("keras_vidrec")


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
