"""Draws videos as networks get them: modalities, flow and training clips."""

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
from keras_vidrec.specs import checks

Method = enum.StrEnum("Method", FLOW_METHODS)  # type: ignore[misc] # of a table


def modalities(
    video: str = typer.Argument(
        ..., help="A video file; with --data the name of a video there."
    ),
    out: pathlib.Path = typer.Option(..., help=OUT),
    data: str = typer.Option(
        None,
        metavar="PATH",
        help=(
            "Dataset of the video: prepared, folders of frames, or videos. "
            "Missing modalities are computed from its frames."
        ),
    ),
    method: Method = typer.Option(
        None, help="Flow method. Default: that of the dataset, or tvl1."
    ),
    size: str = typer.Option(
        None,
        help=(
            "Size that frames are resized to first: short256, 340x256. "
            f"Default: as stored, or {FrameSpec.size}."
        ),
    ),
    frames: int = typer.Option(
        4, min=1, help="Number of frames, evenly spaced."
    ),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
):
    """Draw the modalities of a video: frames, their differences, and flow and
    warped flow, x and y in gray, in the 8-bit code of the network's input.
    """
    load_backend()  # for TV-L1, and for datasets that TensorFlow reads
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
                f"{data} already contains flow. Expected --method "
                f"{source.flow.method}, or no --method. Received: --method "
                f"{method}"
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
        echo(
            f"Left out: {name}. There are no frames to compute it from.",
            err=True,
        )


def flow(
    video: pathlib.Path = typer.Argument(..., help="A video file."),
    out: pathlib.Path = typer.Option(..., help=OUT),
    method: Method = typer.Option("tvl1", help="Flow method."),
    size: str = typer.Option(
        FrameSpec.size,
        help="Size that frames are resized to first: short256, 340x256.",
    ),
    frames: int = typer.Option(
        4, min=1, help="Number of frames, evenly spaced."
    ),
):
    """Draw frames of a video and their optical flow in colors."""
    if method == Method("tvl1"):
        load_backend()  # it computes TV-L1
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
    seed: int = typer.Option(0, min=0, help="Seed of the random choices."),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
):
    """Draw training clips as a network gets them, augmented as in training: the
    sheet of `vidrec inspect --sheet` without the inspection.
    """
    from keras_vidrec.data.prepared import storage

    if storage.is_url(directory):
        load_backend()  # TensorFlow may read it
    where = {"videos_list": videos_list, "splits": splits}
    draw_sheet(directory, where, recipe, out, videos, seed)
    echo(f"Picture: {out}")


def _find(video, data, flow, videos_list, splits):
    """Returns the source of a video, and its index in the source."""
    from keras_vidrec.data import opening
    from keras_vidrec.data.sources.video_files import SingleVideo

    if data is None:
        if videos_list is not None or splits is not None:
            raise ValueError("--list and --splits need --data")
        return SingleVideo(video, flow), 0
    source = opening.open_dataset(
        data,
        videos_list=videos_list,
        splits=splits,
        flow=flow,
        images_only=True,
    ).source
    if video not in source.videos:
        hint = checks.hint(video, source.videos)
        raise ValueError(
            f"The dataset has no such video. {hint}Expected one of its "
            f"{len(source.videos)} videos, such as {source.videos[0]!r}. "
            f"Received: {video!r}"
        )
    return source, source.videos.index(video)
