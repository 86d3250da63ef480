"""Pictures of videos, as networks see them."""

import difflib
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

Method = enum.StrEnum("Method", FLOW_METHODS)  # type: ignore[misc] # of a table


def modalities(
    video: str = typer.Argument(
        ..., help="A video file; with --data the name of a video there."
    ),
    out: pathlib.Path = typer.Option(..., help=OUT),
    data: str = typer.Option(
        None,
        metavar="PATH",
        help="Where the video is: what `vidrec prepare` made, folders of "
        "frames, or videos. What it does not hold is made of its frames.",
    ),
    method: Method = typer.Option(
        None, help="How flow is made. Default: as the rest of it, or tvl1."
    ),
    size: str = typer.Option(
        None,
        help="How frames are resized before: short256, 340x256. Default: as "
        f"they are stored, or {FrameSpec.size}.",
    ),
    frames: int = typer.Option(4, min=1, help="Frames, evenly spread."),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
):
    """Draw the modalities of a video: frames, their differences, and flow and
    warped flow, x and y in gray as networks see them."""
    load_backend()  # TV-L1 computes with it, and so may a dataset be read
    from keras_vidrec.specs import FlowSpec
    from keras_vidrec.visualization import figures
    from keras_vidrec.visualization import modality_figure

    figures.check_path(out)
    wanted: FlowSpec | None = None
    if method is not None:
        wanted = FlowSpec(method=method.value)
    source, index = _find(video, data, wanted, videos_list, splits)
    if source.flow is not None:
        if method is not None and method != source.flow.method:
            raise ValueError(
                f"Flow of {data} is made already. Expected --method "
                f"{source.flow.method}, or none. Received: --method {method}"
            )
        wanted = None
    shown = modality_figure.read(
        source,
        index,
        num_frames=frames,
        frame=None if size is None else FrameSpec(size),
        flow=wanted,
    )
    write(out, modality_figure.draw(shown), modality_figure.table(shown))
    for name in modality_figure.missing(shown):
        echo(f"Left out: {name}. There are no frames to make it of.", err=True)


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
    if method == Method("tvl1"):
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


def _find(video, data, flow, videos_list, splits):
    """The source of a video, and its index there."""
    from keras_vidrec.data import opening
    from keras_vidrec.data.sources.video_files import SingleVideo

    if data is None:
        if videos_list is not None or splits is not None:
            raise ValueError(
                "A list, and splits, are of a dataset. Expected --data, or "
                "neither of them"
            )
        return SingleVideo(video, flow), 0
    source = opening.open_images(
        data, videos_list=videos_list, splits=splits, flow=flow
    ).source
    if video not in source.videos:
        near = difflib.get_close_matches(video, source.videos, 1, 0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(
            f"The dataset has no such video. {hint}Expected one of its "
            f"{len(source.videos)} videos, such as {source.videos[0]!r}. "
            f"Received: {video!r}"
        )
    return source, source.videos.index(video)
