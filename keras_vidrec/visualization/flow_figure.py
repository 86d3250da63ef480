"""Draws frames of a video and their flow in colors."""

import dataclasses
import os
import typing

import numpy as np

from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.flow import codec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.visualization import figures
from keras_vidrec.visualization.snippet_images import full_color

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_WHEEL_PIXELS = 201
# Number of arrows from top to bottom, and the share of the largest motion below
# which no arrow is drawn.
_ARROWS = 8
_STILL = 0.05
_INCHES = 2.0


@dataclasses.dataclass(frozen=True)
class FlowFrames:
    """Some frames of a video, and the motion from each to the next.

    Attributes:
        video: str. Name of the video.
        method: str. Flow method.
        indices: list of int: numbers of the frames, from 0.
        frames: uint8 array `(frames, height, width, 3)`, R G B, resized.
        flow: float32 array `(frames, height, width, 2)`, x and y in pixels of
            these frames.
    """

    video: str
    method: str
    indices: list
    frames: np.ndarray
    flow: np.ndarray


def read(
    path: str | os.PathLike[str],
    flow: FlowSpec | None = None,
    num_frames: int = 4,
    frame: FrameSpec | None = None,
) -> FlowFrames:
    """Reads evenly spaced frames of a video, and computes their flow.

    Args:
        path: path of a video file.
        flow: `None` (`FlowSpec()`, TV-L1), or `FlowSpec`. Defaults to `None`.
        num_frames: int. Largest number of frames. Defaults to `4`.
        frame: `None` (`FrameSpec()`), or `FrameSpec`: how frames are resized
            first. Defaults to `None`.

    Returns:
        `FlowFrames`.

    Raises:
        VideoError: if the video cannot be read, or has a single frame.
    """
    flow = flow or FlowSpec()
    source = SingleVideo(path, flow).seen_as(frame or FrameSpec())
    number = source.num_frames(0, "flow")
    indices = (np.arange(num_frames) + 0.5) * number / num_frames
    indices = np.unique(indices.astype(int)).tolist()
    if not number:
        # Raises an error, because a single frame has no flow.
        indices = [0]
    codes = source.read(0, "flow", indices)
    return FlowFrames(
        source.videos[0],
        flow.method,
        indices,
        source.read(0, "rgb", indices),
        codec.decode(codes, flow.bound),
    )


def draw(shown: FlowFrames) -> "Figure":
    """Returns the matplotlib figure of `FlowFrames`: frames, below them their
    flow, and beside it the colors of the directions."""
    longest = full_color(shown.flow)
    height, width = shown.flow.shape[1:3]
    columns = len(shown.indices)
    figure = figures.new_figure(
        _INCHES * (columns + 0.8), 2 * _INCHES * height / width + 1
    )
    figures.set_title(
        figure,
        f"Optical flow of {shown.video}",
        f"by {shown.method}, on frames of {width} x {height} pixels",
    )
    grid = figure.subplots(
        2, columns + 1, squeeze=False, width_ratios=[*[1] * columns, 0.7]
    )
    pictures = codec.to_picture(shown.flow, longest)
    for place, index in enumerate(shown.indices):
        figures.show_image(
            grid[0, place],
            shown.frames[place],
            f"frame {index}",
        )
        figures.show_image(
            grid[1, place],
            pictures[place],
            f"{lengths(shown.flow[place])[0]:.1f} px on average",
        )
        _draw_arrows(grid[1, place], shown.flow[place], longest)
    grid[0, -1].set_axis_off()
    _draw_wheel(grid[1, -1], longest)
    return figure


def table(shown: FlowFrames) -> tuple:
    """Returns the numbers of `FlowFrames`: header and rows of frame, mean and
    largest length of its flow in pixels, mean x and y."""
    rows = (
        (
            index,
            *(f"{value:.6g}" for value in lengths(flow)),
            *(f"{value:.6g}" for value in flow.mean(axis=(0, 1))),
        )
        for index, flow in zip(shown.indices, shown.flow)
    )
    return ("frame", "mean_length", "most_length", "mean_x", "mean_y"), rows


def lengths(flow: np.ndarray) -> tuple[float, float]:
    """Returns the mean and the largest length of the vectors of a flow `(...,
    2)`."""
    found = np.hypot(flow[..., 0], flow[..., 1])
    return float(found.mean()), float(found.max())


def _draw_arrows(axes, flow, longest):
    """Draws arrows, so that directions can be seen without the colors."""
    step = max(flow.shape[0] // _ARROWS, 1)
    places = (slice(step // 2, None, step),) * 2
    y, x = (axis[places] for axis in np.indices(flow.shape[:2]))
    vectors = flow[places]
    moving = np.hypot(vectors[..., 0], vectors[..., 1]) > _STILL * longest
    axes.quiver(
        x[moving],
        y[moving],
        vectors[moving, 0],
        vectors[moving, 1],
        color=figures.INK,
        # The longest arrow reaches the next one.
        angles="xy",
        scale_units="xy",
        scale=longest / step,
        width=0.006,
    )


def _draw_wheel(axes, longest):
    """Draws the color of each direction; the rim is the largest motion."""
    places = np.linspace(-1, 1, _WHEEL_PIXELS)
    wheel = np.stack(np.meshgrid(places, places), axis=-1)
    outside = np.hypot(wheel[..., 0], wheel[..., 1]) > 1
    picture = codec.to_picture(wheel, 1.0)
    picture[outside] = 255
    figures.show_image(axes, picture)
    axes.set_xlabel(
        f"rim: {longest:.1f} px per frame",
        fontsize=8,
        color=figures.FAINT,
        labelpad=14,
    )
    for x, y, name in (
        (0.5, 1.02, "up"),
        (0.5, -0.02, "down"),
        (-0.02, 0.5, "left"),
        (1.02, 0.5, "right"),
    ):
        axes.text(
            x,
            y,
            name,
            transform=axes.transAxes,
            fontsize=8,
            color=figures.INK,
            ha={"left": "right", "right": "left"}.get(name, "center"),
            va={"up": "bottom", "down": "top"}.get(name, "center"),
        )
