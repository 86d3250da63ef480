import math

import keras


class LossIsNaN(RuntimeError):
    """The loss is no number any more."""


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with one clear error as soon as the loss is NaN or
    infinite. The last backup and model stay as they are."""

    def on_train_begin(self, logs=None):
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            raise LossIsNaN(
                "Training stopped. Expected a finite loss. Received: "
                f"loss={float(loss)} in epoch {self._epoch + 1}, step "
                f"{batch + 1}. Try a smaller learning rate or gradient "
                "clipping (optimiser.learning_rate, optimiser.clip_norm)"
            )
