"""Makes matplotlib figures and writes them to files."""

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
# For more items: each further color has the largest distance to all colors
# before it and to white, in CIELAB and in simulations of red- and
# green-blindness.
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
# Mean number of letters per inch of titles.
_LETTERS_AN_INCH = 11


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty matplotlib figure that is independent of windows and
    `pyplot`.

    Args:
        width, height: float. Size in inches.
    """
    figure = Figure((width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def set_title(figure: Figure, title: str, subtitle: str = "") -> None:
    """Sets the title and subtitle of a figure, with line breaks if they are
    wider than the figure."""
    width = int(figure.get_figwidth() * _LETTERS_AN_INCH)
    lines = [
        line
        for text in (title, subtitle)
        for line in textwrap.wrap(text, width, break_on_hyphens=False)
    ]
    # A dollar sign would start a formula.
    text = "\n".join(lines).replace("$", r"\$")
    figure.suptitle(text, fontsize=11, color=INK)


def show_image(
    axes: "Axes", image: np.ndarray, title: str = "", **arguments: typing.Any
) -> typing.Any:
    """Draws an image without axes, with a title above it.

    Args:
        axes: matplotlib axes.
        image: array, gray or in colors.
        title: str. Defaults to `""`.
        **arguments: arguments of `Axes.imshow`.

    Returns:
        The result of `Axes.imshow`.
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
    """Raises a `ValueError` if matplotlib cannot write files with this suffix.
    To be called before a figure is computed."""
    kinds = FigureCanvasAgg.get_supported_filetypes()
    if pathlib.Path(path).suffix[1:].lower() not in kinds:
        raise ValueError(
            "Cannot write a figure of this kind. Expected a name that ends in "
            f"one of {tuple(sorted(kinds))}. Received: {str(path)!r}"
        )


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure, atomically.

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
