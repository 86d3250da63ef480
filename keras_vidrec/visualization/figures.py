"""Figures as files."""

import os
import pathlib
import textwrap
import typing

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_vidrec.specs import files

if typing.TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colors for all kinds of color vision (Okabe and Ito), the darker ones first.
COLORS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
)
# For more things than that: each color in turn is the one farthest from all
# before it and from white, in CIELAB and as the red-blind and the green-blind
# see it.
MANY_COLORS = (
    *COLORS,
    "#0000ff",
    "#000077",
    "#773322",
    "#6677ff",
    "#bbcc77",
    "#660055",
    "#555555",
    "#6611cc",
    "#ddaaaa",
    "#bb7744",
    "#114499",
    "#bb0000",
    "#ff5577",
)
INK = "#1c2128"
FAINT = "#57606a"

_DPI = 150
# Of titles, on average.
_LETTERS_AN_INCH = 11


def new_figure(width: float, height: float) -> Figure:
    """An empty matplotlib figure, its sides in inches, that belongs to nothing
    else: neither a window nor `pyplot` knows it."""
    figure = Figure((width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def set_title(figure: Figure, title: str, subtitle: str = "") -> None:
    """What a figure shows, and how it was made; broken where it would be wider
    than the figure."""
    width = int(figure.get_figwidth() * _LETTERS_AN_INCH)
    lines = [
        line
        for text in (title, subtitle)
        for line in textwrap.wrap(text, width, break_on_hyphens=False)
    ]
    # A dollar sign in a name begins no formula.
    text = "\n".join(lines).replace("$", r"\$")
    figure.suptitle(text, fontsize=11, color=INK)


def show_image(
    axes: "Axes", image: np.ndarray, title: str = "", **arguments: typing.Any
) -> typing.Any:
    """Draws an image, gray or in colors, without axes around it, and a title
    above; further arguments are those of `Axes.imshow`, as is what is returned.
    """
    drawn = axes.imshow(image, **arguments)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=8, color=FAINT, pad=3)
    return drawn


def check_path(path: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` unless figures can be written to files of this
    name: before the work of making one."""
    kinds = FigureCanvasAgg.get_supported_filetypes()
    if pathlib.Path(path).suffix[1:].lower() not in kinds:
        raise ValueError(
            "Cannot write a figure of this kind. Expected a name that ends in "
            f"one of {tuple(sorted(kinds))}. Received: {str(path)!r}"
        )


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure, whole or not at all.

    Args:
        figure: `matplotlib.figure.Figure`.
        path: path ending in `.png`, `.pdf`, `.svg` or another suffix that
            matplotlib writes.

    Raises:
        ValueError: if matplotlib does not write such files.
        OSError: if it cannot be written.
    """
    check_path(path)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=_DPI)
