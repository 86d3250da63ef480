"""Ends training on SIGTERM, with all progress saved."""

import contextlib
import json
import logging
import signal
import threading

import keras

from keras_vidrec.specs import documents
from keras_vidrec.specs import files

logger = logging.getLogger("keras_vidrec")

# The exit status that shells report for a process ended by SIGTERM.
EXIT_STATUS = 128 + signal.SIGTERM


class Interruption(keras.callbacks.Callback):
    """Ends training on SIGTERM without losing progress: finishes the step (or a
    validation that has started), saves a backup, and raises `SystemExit` with
    status 143.

    A second SIGTERM ends the process at once, as without this class.

    Several workers end after the same step, whichever of them gets the signal.

    Args:
        backup: `Backup`. It must come earlier in the list of callbacks.
        notice: `None` (there is one worker), or `pathlib.Path` of a file by
            which workers notify each other, in a directory that all of them
            share.
    """

    def __init__(self, backup, notice=None):
        super().__init__()
        self._backup = backup
        self._notice = notice
        self._received = False

    @contextlib.contextmanager
    def listening(self):
        """A context in which SIGTERM is handled. It has no effect outside the
        main thread, the only one in which Python allows signal handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._receive)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
        if self._received and self._notice is None:
            # The signal came after the last epoch, but work may follow.
            self._leave()

    def on_train_batch_end(self, batch, logs=None):
        if self._is_due() and self._backup.can_begin_here:
            self._leave()

    def on_epoch_end(self, epoch, logs=None):
        if self._is_due():
            self._leave()

    def _is_due(self):
        if self._notice is None:
            return self._received
        at = self._backup.position
        if self._notice.exists():
            return at >= tuple(documents.read_json(self._notice))
        if self._received:
            # Workers end a step together, so none ends the next step before
            # this one has written the notice: all of them see it in time.
            files.write_text(self._notice, json.dumps([at.epoch, at.step + 1]))
        return False

    def _receive(self, number, frame):
        self._received = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _leave(self):
        self._backup.save()
        at = self._backup.position
        logger.warning(
            "Stopped by SIGTERM after %d epochs and %d steps, which are "
            "saved. Run the same command again to resume.",
            at.epoch,
            at.step,
        )
        raise SystemExit(EXIT_STATUS)
