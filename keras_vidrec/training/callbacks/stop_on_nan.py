"""Ends training if the loss or the weights are not finite."""

import math

import keras
import numpy as np

_ADVICE = (
    "Try a smaller learning rate or gradient clipping "
    "(optimizer.learning_rate, optimizer.clip_norm)"
)


class LossIsNaN(RuntimeError):
    """The loss, or a weight, is NaN or infinite."""


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with a `LossIsNaN` error as soon as the loss is NaN or
    infinite. The last good backup and model are kept.

    Args:
        start: tuple of int, the epoch and the step in it at which training
            starts. Defaults to `(0, 0)`.
        backup: `None`, or the `Backup` of the training. If the last backup
            contains the weights that give this loss, and there is an earlier
            one, the last is removed. Defaults to `None`.
    """

    def __init__(self, start=(0, 0), backup=None):
        super().__init__()
        self._start = start
        self._backup = backup

    def on_epoch_begin(self, epoch, logs=None):
        first_epoch, first_step = self._start
        self._epoch = epoch
        self._first_step = first_step if epoch == first_epoch else 0

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            step = self._first_step + batch + 1
            if self._backup is not None:
                self._backup.drop_unproved()
            raise LossIsNaN(
                "Training stopped. Expected a finite loss. Received: "
                f"loss={float(loss)} in epoch {self._epoch + 1}, step {step}. "
                + _ADVICE
            )


def check_weights(model, backup):
    """Raises an error if the last update of a training made weights NaN or
    infinite: no loss is computed after it.

    Args:
        model: keras.Model at the end of its training.
        backup: `Backup` of the training.

    Raises:
        LossIsNaN: if a weight is NaN or infinite. The backup that contains it
            is removed if there is an earlier one.
    """
    if all(np.isfinite(weight).all() for weight in model.get_weights()):
        return
    backup.drop_unproved()
    raise LossIsNaN(
        "Training ended. Expected finite weights. Received: weights that the "
        f"last step has made NaN or infinite. {_ADVICE}"
    )
