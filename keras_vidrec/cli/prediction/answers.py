"""Prints the predictions of videos."""

import csv
import io
import json

from keras_vidrec.cli.prediction import inputs
from keras_vidrec.cli.terminal import echo
from keras_vidrec.specs import files

_HEADER = ("video", "rank", "class", "probability")


class Answers:
    """Prints the predictions of videos one by one: as text, as one line of JSON
    each, or as rows of CSV, one per class.

    Args:
        json: bool. Whether to print JSON.
        csv: bool. Whether to print CSV.

    Attributes:
        num_unread: int. Number of videos so far that could not be read.
    """

    def __init__(self, *, json, csv):
        self.num_unread = 0
        self._json = json
        self._csv = csv
        if csv:
            self._show_row(_HEADER)

    def show(self, answer):
        """Prints a `Prediction`, or an `Unread` to stderr. With JSON, an
        `Unread` is also printed to stdout, which has a line for each video."""
        error = getattr(answer, "error", None)
        if error is not None:
            self.num_unread += 1
            echo(f"vidrec: {inputs.explained(answer)}", err=True)
        else:
            remarks = (*answer.health.remarks, *answer.remarks)
            if remarks:
                echo(f"{answer.video}: {'; '.join(remarks)}.", err=True)
        if self._json:
            echo(json.dumps(answer.to_dict(), ensure_ascii=False))
        elif error is None:
            self._show_classes(answer)

    def _show_classes(self, answer):
        if not self._csv:
            echo(answer.video)
            if answer.present is not None:
                shown = ", ".join(answer.present) or "none of the classes"
                echo(f"  Shows: {shown}")
        pairs = zip(answer.classes, answer.probabilities)
        for rank, (name, value) in enumerate(pairs, 1):
            if self._csv:
                self._show_row((answer.video, rank, name, f"{value:.6f}"))
            else:
                echo(f"  {100 * value:6.2f} %  {name}")

    def _show_row(self, values):
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(map(files.to_cell, values))
        echo(row.getvalue())
