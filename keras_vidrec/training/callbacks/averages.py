"""Validates and saves the averages of the weights instead of the weights."""

import contextlib

import keras


class Averages(keras.callbacks.Callback):
    """Uses the optimizer's averages of the weights in validation, and when the
    network is saved. Backups contain the weights themselves.

    Args:
        optimizer: optimizer of this package, or `LossScale` around one.
    """

    def __init__(self, optimizer):
        super().__init__()
        self._optimizer = getattr(optimizer, "inner_optimizer", optimizer)

    @contextlib.contextmanager
    def shown(self):
        """A context in which the network has the averages as its weights."""
        self._optimizer.swap_averages()
        try:
            yield
        finally:
            self._optimizer.swap_averages()

    def on_test_begin(self, logs=None):
        self._optimizer.swap_averages()

    def on_test_end(self, logs=None):
        self._optimizer.swap_averages()
