"""Writes the metrics of each epoch to a CSV file."""

import csv
import io
import logging
import pathlib

import keras

from keras_vidrec.specs import files

logger = logging.getLogger("keras_vidrec")


class LogFile(keras.callbacks.CSVLogger):
    """A CSV file with one row per epoch.

    The file is open only while a row is written, because Keras leaves it open
    after an error.

    Args:
        path: `pathlib.Path`. Rows of an existing file are kept, except
            incomplete ones and those of epochs that will be repeated. If rows
            are missing, this is logged.
        num_epochs: int. Number of epochs that are already done.
    """

    def __init__(self, path, num_epochs):
        super().__init__(path, append=True)
        kept = _trim(path, num_epochs) if path.exists() else 0
        if kept < num_epochs:
            logger.warning(
                "%s has lost the rows of %d of %d epochs.",
                path,
                num_epochs - kept,
                num_epochs,
            )

    def on_train_begin(self, logs=None):
        """Does nothing: the file is opened for each row."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_train_begin()
        try:
            super().on_epoch_end(epoch, logs)
        finally:
            super().on_train_end()

    def on_train_end(self, logs=None):
        """Does nothing: the file is already closed."""


def _trim(path: pathlib.Path, num_epochs: int) -> int:
    """Removes incomplete rows and those of epochs from `num_epochs` on. Returns
    the number of rows that are kept."""
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    kept = [
        row
        for row in rows
        if len(row) == len(header) and _epoch(row) in range(num_epochs)
    ]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [header, *kept] if kept else []
    )
    files.write_text(path, text.getvalue())
    return len(kept)


def _epoch(row: list[str]) -> int | None:
    try:
        return int(row[0])
    except ValueError:
        return None
