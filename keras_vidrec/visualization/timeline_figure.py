"""Draws the classes of a long video over time."""

import pathlib
import typing

import numpy as np
from matplotlib.patches import Patch

from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.visualization import figures

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_OTHER = "#c9ced6"
# The last color is the color of text.
_MOST = len(figures.COLORS) - 1


def draw(timeline: Timeline, top: int = 5) -> "Figure":
    """Draws the probabilities of the windows of a video, and below them the
    most probable class at each time.

    The drawn classes are those that are the most probable in most windows, then
    those with the highest mean. Where windows overlap, the window whose middle
    is nearest is used.

    Args:
        timeline: `Timeline`.
        top: int. Number of classes with their own color, at most 6. Defaults to
            `5`.

    Returns:
        `matplotlib.figure.Figure`.
    """
    values = timeline.probabilities
    best = values.argmax(axis=1)
    wins = np.bincount(best, minlength=values.shape[1])
    order = np.lexsort((-values.mean(axis=0), -wins))
    order = order[: min(top, _MOST)].tolist()
    colors = dict(zip(order, figures.COLORS))
    starts = np.array([window.start for window in timeline.windows])
    ends = np.array([window.end for window in timeline.windows])
    middles = (starts + ends) / 2
    between = (middles[1:] + middles[:-1]) / 2
    # Gaps between windows (skipped frames of a camera) are unknown.
    lefts = np.maximum([starts[0], *between], starts)
    rights = np.minimum([*between, ends[-1]], ends)

    figure = figures.new_figure(9, 4)
    figures.set_title(
        figure,
        pathlib.Path(timeline.video).name,
        f"{len(middles)} windows of {ends[0] - starts[0]:.2f} s",
    )
    curves, strip = figure.subplots(2, sharex=True, height_ratios=(6, 1))
    for place in order:
        curves.plot(
            middles,
            values[:, place],
            color=colors[place],
            # A single window is a point.
            marker="o" if len(middles) < 50 else None,
            markersize=3,
            linewidth=1.5,
            label=timeline.classes[place].replace("$", r"\$"),
        )
    curves.set_ylim(-0.02, 1.02)
    curves.set_ylabel("probability")
    curves.grid(axis="y", color="#e5e8ec", linewidth=0.8)
    curves.set_axisbelow(True)
    strip.bar(
        lefts,
        1,
        rights - lefts,
        align="edge",
        color=[colors.get(place, _OTHER) for place in best.tolist()],
    )
    strip.set_ylim(0, 1)
    strip.set_yticks([])
    strip.set_ylabel("best", rotation=0, ha="right", va="center")
    strip.set_xlabel("seconds")
    strip.set_xlim(starts[0], ends[-1])
    handles, labels = curves.get_legend_handles_labels()
    if not set(best.tolist()) <= set(order):
        handles.append(Patch(color=_OTHER))
        labels.append("another class")
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    for axes in (curves, strip):
        axes.tick_params(colors=figures.FAINT, labelsize=8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure
