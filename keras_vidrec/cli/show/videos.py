"""Pictures of videos, as networks see them."""

import enum
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.inspect import draw_sheet
from keras_vidrec.cli.show.writing import OUT
from keras_vidrec.cli.show.writing import write
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs import FrameSpec

Method = enum.StrEnum("Method", FLOW_METHODS)


def flow(
    video: pathlib.Path = typer.Argument(..., help="A video file."),
    out: pathlib.Path = typer.Option(..., help=OUT),
    method: Method = typer.Option("tvl1", help="How flow is made."),
    size: str = typer.Option(
        FrameSpec.size,
        help="How frames are resized before: short256, 340x256.",
    ),
    frames: int = typer.Option(4, min=1, help="Frames, evenly spread."),
):
    """Draw frames of a video and their optical flow in colors."""
    if method == Method.tvl1:
        load_backend()  # which computes it
    from keras_vidrec.specs import FlowSpec
    from keras_vidrec.visualization import figures
    from keras_vidrec.visualization import flow_figure

    figures.check_path(out)
    shown = flow_figure.read(
        video, FlowSpec(method=method.value), frames, FrameSpec(size)
    )
    write(out, flow_figure.draw(shown), flow_figure.table(shown))


def sheet(
    directory: options.Directory,
    out: pathlib.Path = typer.Option(..., help="Picture to write, a .png."),
    recipe: str = typer.Option(
        None, help="Draw the clips of this recipe, or of a YAML file."
    ),
    videos: int = typer.Option(8, min=1, help="Number of videos."),
    seed: int = typer.Option(0, min=0, help="Of the draws."),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
):
    """Draw training clips as a network sees them, cropped and flipped: the
    sheet of `vidrec inspect --sheet` without the inspection."""
    from keras_vidrec.data.prepared import storage

    if storage.is_url(directory):
        load_backend()  # TensorFlow may read it
    where = {"videos_list": videos_list, "splits": splits}
    draw_sheet(directory, where, recipe, out, videos, seed)
    echo(f"Picture: {out}")
