import math

import keras
import numpy as np

_ADVICE = (
    "Try a smaller learning rate or gradient clipping "
    "(optimizer.learning_rate, optimizer.clip_norm)"
)


class LossIsNaN(RuntimeError):
    """The loss is no number any more."""


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with one clear error as soon as the loss is NaN or
    infinite. The last good backup and model stay as they are.

    Args:
        start: tuple of int, the epoch and the step of it that training begins
            with. Defaults to `(0, 0)`.
        backup: `None`, or the `Backup` of the training. If its last one holds
            the very weights that give no loss, it is removed, and the one
            before it is the last.
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
    """Refuses weights that the last update of all has ruined, which no loss
    has shown.

    Args:
        model: keras.Model at the end of its training.
        backup: `Backup` of the training.

    Raises:
        LossIsNaN: if a weight is NaN or infinite. The backup that holds it is
            removed if there is one before it.
    """
    if all(np.isfinite(weight).all() for weight in model.get_weights()):
        return
    backup.drop_unproved()
    raise LossIsNaN(
        "Training ended. Expected finite weights. Received: weights that the "
        f"last step has made NaN or infinite. {_ADVICE}"
    )
