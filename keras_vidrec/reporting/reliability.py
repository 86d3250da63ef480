"""The reliability diagram: accuracy by predicted probability."""

import math

from matplotlib import ticker
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from keras_vidrec.evaluation.scores import calibration
from keras_vidrec.reporting import curves
from keras_vidrec.reporting.tables import Table
from keras_vidrec.specs.checks import counted

NAME = "reliability"
_HEADER = ("from", "to", "videos", "mean_probability", "accuracy")
_INCHES = (4.0, 2.6)


def table(scores):
    """Returns a `Table` of the bins of `calibration.reliability` that have
    videos. It has no rows if the scores cannot be converted to probabilities,
    or no video has a label."""
    found = calibration.reliability(scores)
    if found is None:
        return Table(_HEADER, ())
    rows = zip(*(column.tolist() for column in found))
    return Table(_HEADER, tuple(row for row in rows if row[2]))


def draw(drawn):
    """Draws the reliability diagram in the colors of the page. Bars show the
    accuracy of each bin; the line shows perfect calibration.

    Args:
        drawn: `Table` returned by `table`.

    Returns:
        str, an `svg` element.
    """
    with curves.drawing(NAME):
        figure = Figure(_INCHES, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        rows = drawn.records()
        axes.bar(
            [row["from"] for row in rows],
            [row["accuracy"] for row in rows],
            width=[row["to"] - row["from"] for row in rows],
            align="edge",
            color=curves.COLORS[0],
            edgecolor="none",
            alpha=0.75,
        )
        axes.plot([0, 1], [0, 1], color=curves.INK, linestyle="--", alpha=0.6)
        curves.dress(axes)
        axes.set_axisbelow(True)
        axes.set_xlabel("probability of the best class", color=curves.INK)
        axes.set_ylabel("accuracy", color=curves.INK)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ticker.PercentFormatter(1))
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        words = ", ".join(
            f"{counted(row['videos'], 'video')} at "
            f"{100 * row['mean_probability']:.0f} % right in "
            f"{100 * row['accuracy']:.0f} %"
            for row in rows
        )
        return curves.to_markup(
            figure, NAME, f"Accuracy by the probability: {words}"
        )


def note(scores):
    """Returns an explanation of the figures."""
    temperature = calibration.temperature_of(scores)
    said = (
        "The scores were computed without a temperature; vidrec evaluate RUN "
        "--calibrate fits one."
    )
    if not math.isclose(temperature, 1):
        said = f"Scores are divided by the temperature {temperature:.4g}."
    return (
        "The calibration error is the mean difference between probability and "
        f"accuracy over {calibration.BINS} bins of equal width, weighted by "
        f"their videos. {said}"
    )
