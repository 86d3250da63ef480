"""A confusion matrix as vector graphics whose names stay in view."""

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.reporting.markup import element
from keras_vidrec.reporting.markup import scrolling

# Pixels of a cell, for at most so many classes.
_CELLS = ((14, 34), (30, 24), (60, 16))
_SMALL_CELL = 11
# Cells from this size on have room for a number.
_LEGIBLE = 24
# Pixels of the names' margin, and of a letter of a pixel's height.
_MARGIN = 132
_LETTER = 0.6


def confusion_matrix(scores):
    """Draws the confusion matrix: rows are the classes, columns what they
    were taken for. The names stay in view while the cells scroll.

    Args:
        scores: `Scores` with labels.

    Returns:
        Element of a page.
    """
    counts = metrics.confusion_matrix(scores.scores, scores.labels)
    names = scores.classes
    size = next(
        (size for most, size in _CELLS if len(names) <= most), _SMALL_CELL
    )
    length = size * len(names)
    parts = (
        element("div", {"class": "corner"}, "class \u2193  taken for \u2192"),
        _drawing("columns", length, _MARGIN, _column_names(names, size)),
        _drawing("rows", _MARGIN, length, _row_names(names, size)),
        _drawing(
            "cells",
            length,
            length,
            [*_grid(len(names), size), *_cells(counts, names, size)],
            f"Confusion matrix of {len(names)} classes: "
            f"{counts.trace()} of {counts.sum()} videos on the diagonal",
        ),
    )
    columns = f"grid-template-columns: {_MARGIN}px {length}px"
    grid = element("div", {"class": "matrix", "style": columns}, *parts)
    return scrolling("Confusion matrix", grid, "tall")


def _drawing(style, width, height, children, label=None):
    attributes = {"aria-hidden": "true"}
    if label is not None:
        attributes = {"role": "img", "aria-label": label}
    return element(
        "svg",
        {
            "class": style,
            "width": width,
            "height": height,
            "viewBox": f"0 0 {width} {height}",
            **attributes,
        },
        *children,
    )


def _row_names(names, size):
    return [
        _name(name, size, _MARGIN - 6, (place + 0.5) * size, "end")
        for place, name in enumerate(names)
    ]


def _column_names(names, size):
    return [
        _name(
            name,
            size,
            6 - _MARGIN,
            (place + 0.5) * size,
            "start",
            transform="rotate(-90)",
        )
        for place, name in enumerate(names)
    ]


def _name(name, size, x, y, anchor, **attributes):
    height = min(size - 1.5, 12)
    fitting = int((_MARGIN - 6) / (height * _LETTER))
    short = name if len(name) <= fitting else f"{name[: fitting - 1]}\u2026"
    return element(
        "text",
        {
            "x": x,
            "y": y,
            "dy": "0.35em",
            "text-anchor": anchor,
            "font-size": height,
            **attributes,
        },
        element("title", {}, name),
        short,
    )


def _grid(number, size):
    """Lines to follow with the eye: each class, or each fifth of many."""
    step = 1 if size >= _LEGIBLE else 5
    length = number * size
    marks = range(0, length + 1, step * size)
    path = "".join(f"M0 {at}H{length}M{at} 0V{length}" for at in marks)
    return [element("path", {"class": "lines", "d": path})]


def _cells(counts, names, size):
    totals = counts.sum(axis=1)
    for row, column in zip(*counts.nonzero()):
        count, total = int(counts[row, column]), int(totals[row])
        told = f"{names[row]} taken for {names[column]}"
        if row == column:
            told = f"{names[row]} recognized"
        share = count / total
        x, y = column * size, row * size
        yield element(
            "rect",
            {
                "class": "hit" if row == column else "miss",
                "x": x,
                "y": y,
                "width": size,
                "height": size,
                # One video of many must still be seen.
                "fill-opacity": f"{0.3 + 0.7 * share:.2f}",
            },
            element("title", {}, f"{told}: {count} of {total} videos"),
        )
        if size >= _LEGIBLE:
            yield element(
                "text",
                {
                    "class": "count full" if share > 0.5 else "count",
                    "x": x + size / 2,
                    "y": y + size / 2,
                    "dy": "0.35em",
                    "text-anchor": "middle",
                    "font-size": 11,
                },
                str(count),
            )
