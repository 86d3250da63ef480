import contextlib
import json
import logging
import signal
import threading

import keras

from keras_vidrec.specs import documents
from keras_vidrec.specs import files

logger = logging.getLogger("keras_vidrec")

# What a shell reports of a process that SIGTERM has ended.
EXIT_STATUS = 128 + signal.SIGTERM


class Interruption(keras.callbacks.Callback):
    """Ends training on SIGTERM with nothing lost: finishes the step, saves a
    backup, and raises `SystemExit` of status 143. Where a validation part is
    being looked at, that comes to its end first.

    A second SIGTERM ends the process as it would without this class.

    Several workers end behind the same step, whichever of them gets the signal.

    Args:
        backup: `Backup`, which comes before in the list of callbacks.
        notice: `None` (there is one worker), or `pathlib.Path` of a file by
            which workers notify each other, where all of them find it.
    """

    def __init__(self, backup, notice=None):
        super().__init__()
        self._backup = backup
        self._notice = notice
        self._received = False

    @contextlib.contextmanager
    def listening(self):
        """Takes over SIGTERM. In the main thread only: Python calls handlers
        in no other one."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._receive)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
        if self._received and self._notice is None:
            # Behind the last epoch, where something else may follow.
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
            # No worker ends the next step before this one has begun it, and
            # has given notice: then all of them see it.
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
