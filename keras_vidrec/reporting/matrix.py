"""The layout of the drawing of a confusion matrix."""

from keras_vidrec.evaluation.scores import metrics

# Largest number of classes, and the size of a cell in pixels.
_CELLS = ((14, 34), (30, 24), (60, 16))
_SMALL_CELL = 11
# Smallest size of a cell that shows a number.
_LEGIBLE = 24
# Width of the margin for names in pixels, and of a letter by its height.
_MARGIN = 132
_LETTER = 0.6


def layout(scores):
    """Lays out the confusion matrix: rows are the classes of videos, columns
    the predicted classes.

    Args:
        scores: `Scores`.

    Returns:
        dict for the template `matrix.html`, in pixels: `size` of a cell,
        `length` of a side, `margin` for the names and the height of their
        `letters`, `legible` (whether cells show numbers), `names`, positions
        of `lines`, `cells`, and `label`, a description.
    """
    counts = metrics.confusion_matrix(scores.scores, scores.labels)
    names = scores.classes
    size = next(
        (size for most, size in _CELLS if len(names) <= most), _SMALL_CELL
    )
    letters = min(size - 1.5, 12)
    fitting = int((_MARGIN - 6) / (letters * _LETTER))
    legible = size >= _LEGIBLE
    length = size * len(names)
    return {
        "size": size,
        "length": length,
        "margin": _MARGIN,
        "letters": letters,
        "legible": legible,
        "names": [
            {
                "whole": name,
                "short": name
                if len(name) <= fitting
                else f"{name[: fitting - 1]}\u2026",
                "middle": (row + 0.5) * size,
            }
            for row, name in enumerate(names)
        ],
        # A line after each class, or after each fifth if there are many.
        "lines": range(0, length + 1, size if legible else 5 * size),
        "cells": [*_cells(counts, names, size)],
        "label": f"Confusion matrix of {len(names)} classes: "
        f"{counts.trace()} of {counts.sum()} videos on the diagonal",
    }


def _cells(counts, names, size):
    """Yields a dict for each cell that is not 0."""
    totals = counts.sum(axis=1)
    for row, column in zip(*counts.nonzero()):
        count, total = int(counts[row, column]), int(totals[row])
        what = f"{names[row]} classified as {names[column]}"
        if row == column:
            what = f"{names[row]} classified correctly"
        share = count / total
        yield {
            "hit": row == column,
            "x": column * size,
            "y": row * size,
            "count": count,
            "share": share,
            # A small share must still be visible.
            "opacity": 0.3 + 0.7 * share,
            "label": f"{what}: {count} of {total} videos",
        }
