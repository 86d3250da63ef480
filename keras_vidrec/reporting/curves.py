"""The curves of a training, drawn from its log, and their tables."""

import csv
import io
import math
import pathlib
import re
import typing
from xml.etree import ElementTree

import matplotlib
from matplotlib import ticker
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from keras_vidrec.reporting.tables import Table
from keras_vidrec.visualization import figures

_INCHES = (4.0, 2.6)
# Readable on light and dark pages: without black, the last color.
COLORS = figures.COLORS[:-1]
INK = "#010203"
# These colors are replaced by those of the page, which depend on light or dark
# mode.
_OF_PAGE = {
    INK: "currentColor",
    COLORS[0]: "var(--hit)",
    COLORS[1]: "var(--miss)",
}
_VALIDATION = "val_"


class Curves(typing.NamedTuple):
    """The curves of one drawing.

    Args:
        name: str. Name of the drawing and of its CSV file.
        title: str.
        table: `Table` with a column for the epoch, from 1, and one for each
            curve.
    """

    name: str
    title: str
    table: Table


# Name, title, and pattern of the columns of the log. Columns of the validation
# start with `val_`, followed by the name of the output if there are several.
_DRAWINGS = (
    ("loss", "Loss", re.compile(r"(val_)?(\w+_)?loss")),
    ("accuracy", "Accuracy", re.compile(r"(val_)?(\w+_)?accuracy")),
    (
        "mean_average_precision",
        "Mean average precision",
        re.compile(r"(val_)?(\w+_)?mean_average_precision"),
    ),
    ("learning_rate", "Learning rate", re.compile("learning_rate")),
    ("clips_per_second", "Clips a second", re.compile("clips_per_second")),
    ("input_wait", "Share of time waiting", re.compile("input_wait")),
)


def read(path):
    """Reads the `log.csv` of a training.

    Args:
        path: path of the file.

    Returns:
        dict of lists of float by column, NaN for missing values; empty if
        there is no log.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if "epoch" not in header:
        return {}
    # The last row may be incomplete after an interruption.
    number = header.index("epoch")
    rows = [
        row
        for row in rows
        if len(row) == len(header)
        and row[number].isdecimal()
        and len(row[number]) < 10
    ]
    return {
        name: [_number(row[column]) for row in rows]
        for column, name in enumerate(header)
    }


def choose(log):
    """Returns the drawings of a log.

    Args:
        log: dict as returned by `read`.

    Returns:
        list of `Curves`, without curves that have no values.
    """
    found = []
    for name, title, pattern in _DRAWINGS:
        columns = [
            column
            for column, values in log.items()
            if pattern.fullmatch(column) and any(map(math.isfinite, values))
        ]
        if not columns:
            continue
        # Training before validation, the total loss before those of outputs.
        columns.sort(key=lambda c: (c.startswith(_VALIDATION), len(c)))
        epochs = [int(epoch) + 1 for epoch in log["epoch"]]
        values = zip(epochs, *(log[column] for column in columns))
        found.append(
            Curves(name, title, Table(("epoch", *columns), tuple(values)))
        )
    return found


def draw(curves):
    """Draws `Curves` in the colors of the page.

    Returns:
        str, an `svg` element.
    """
    epochs, *columns = zip(*curves.table.rows)
    names = curves.table.header[1:]
    with drawing(curves.name):
        figure = Figure(_INCHES, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        for number, (name, values) in enumerate(zip(names, columns)):
            # Epochs without validation are skipped.
            known = [p for p in zip(epochs, values) if math.isfinite(p[1])]
            axes.plot(
                *zip(*known),
                label=name.replace("_", " "),
                color=COLORS[number % len(COLORS)],
                linestyle="--" if name.startswith(_VALIDATION) else "-",
                linewidth=2,
                marker="o" if len(epochs) <= 30 else None,
                markersize=3.5,
            )
        _dress(axes, curves.name, len(names), columns)
        words = _in_words(names, columns)
        return to_markup(
            figure, curves.name, f"{curves.title} by epoch: {words}"
        )


def drawing(name):
    """Returns a context with Matplotlib's settings for drawings of the page.

    Args:
        name: str. Name of the drawing.
    """
    # Text stays text, in the font of the page; the salt makes ids reproducible.
    return matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "text.usetex": False,
        }
    )


def dress(axes):
    """Sets the colors, grid and borders of axes to the style of the page."""
    axes.tick_params(colors=INK)
    axes.grid(color=INK, alpha=0.12)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
        spine.set_alpha(0.4)


def _dress(axes, name, number, columns):
    """Also sets the scales and the legend of the axes of `number` curves."""
    dress(axes)
    axes.set_xlabel("epoch", color=INK)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    if name in ("accuracy", "mean_average_precision", "input_wait"):
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    if name == "clips_per_second":
        axes.set_ylim(bottom=0)
    if name == "learning_rate":
        positive = [value for value in columns[0] if value > 0]
        if positive and max(positive) > 5 * min(positive):
            axes.set_yscale("log")
    if number > 1:
        axes.legend(frameon=False, labelcolor=INK, fontsize="small")


def _in_words(names, columns):
    """Describes curves for readers who cannot see them: first and last value
    of each."""
    words = []
    for name, values in zip(names, columns):
        known = [value for value in values if math.isfinite(value)]
        words.append(
            f"{name.replace('_', ' ')} from {known[0]:.4g} to {known[-1]:.4g}"
        )
    return ", ".join(words)


def to_markup(figure, name, label):
    """Converts a figure to an `svg` element.

    Args:
        figure: Matplotlib figure.
        name: str. Name of the drawing, different for each one on the page.
        label: str. Description for readers who cannot see the drawing.

    Returns:
        str.
    """
    text = io.StringIO()
    figure.savefig(
        text,
        format="svg",
        transparent=True,
        metadata={key: None for key in ("Creator", "Date", "Format", "Type")},
    )
    text = text.getvalue()
    # Inside a page, SVG needs no prologue, XML namespaces or sizes, and ids
    # must be unique on the page.
    root = ElementTree.fromstring(text[text.index("<svg") :])
    for node in root.iter():
        node.tag = _local(node.tag)
        for key, value in list(node.attrib.items()):
            del node.attrib[key]
            for color, of_page in _OF_PAGE.items():
                value = value.replace(color, of_page)
            value = value.replace("url(#", f"url(#{name}-")
            if key == "id":
                value = f"{name}-{value}"
            elif _local(key) == "href":
                value = f"#{name}-{value[1:]}"
            node.set(_local(key), value)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-label", label)
    root.tail = None
    return ElementTree.tostring(root, "unicode", "html")


def _local(name: str) -> str:
    """Returns a name without its XML namespace."""
    return name.rpartition("}")[2]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
