import enum
import pathlib
import shlex

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.specs import DEINTERLACING
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks
from keras_vidrec.specs.checks import counted

Layout = enum.StrEnum(
    "Layout", ["ucf101", "hmdb51", "folder", "list", "frames"]
)
Flow = enum.StrEnum("Flow", [(n, n) for n in (*FLOW_METHODS, "none")])  # type: ignore[misc] # of a table
Deinterlace = enum.StrEnum("Deinterlace", [(n, n) for n in DEINTERLACING if n])  # type: ignore[misc] # of a table


def prepare(
    layout: Layout = typer.Argument(
        ...,
        help=(
            "Layout of the dataset: with split files of UCF101 or HMDB51, "
            "one folder per class, or given by a list; frames: folders of "
            "frames and flow made by other tools, which are packed without "
            "change."
        ),
    ),
    videos: pathlib.Path = typer.Option(
        ...,
        **options.PLACE,
        help="Directory of the videos, or of folders of their frames; with "
        "--list also a URL.",
    ),
    out: pathlib.Path = typer.Option(
        ..., help="Directory of the dataset: new, or an interrupted one."
    ),
    flow: Flow = typer.Option(
        ...,
        help=(
            "Flow method: tvl1 as in the papers, dis and farneback for "
            "speed, brox with an OpenCV built with CUDA; none: frames only. "
            "For frame folders: how their flow was made."
        ),
    ),
    warped: bool = typer.Option(
        False,
        "--warped",
        help=("Also compute warped flow (camera motion removed)."),
    ),
    splits: options.Splits = None,
    videos_list: options.VideosList = None,
    background: bool = typer.Option(
        False,
        "--background",
        help=(
            "For a list with start and end: add a class, background, of the "
            "remaining parts of the videos."
        ),
    ),
    size: str = typer.Option(
        None,
        help=(
            "Size of the frames: short256 (the shorter side, aspect ratio "
            "kept), or WIDTHxHEIGHT such as TSN's 340x256. Default: "
            "short256. For frame folders: how their frames were resized, if "
            "known."
        ),
    ),
    fps: float = typer.Option(
        None,
        help=(
            "Frames per second to sample, by time stamps. Default: all "
            "frames. For frame folders: their frame rate, if known."
        ),
    ),
    deinterlace: Deinterlace = typer.Option(
        None,
        help=(
            "For interlaced videos: yadif makes one frame per frame, bob "
            "one per field. Default: frames as decoded."
        ),
    ),
    bound: float = typer.Option(
        20.0, help="Flow in pixels at the codes 0 and 255."
    ),
    quality: int = typer.Option(95, min=1, max=100, help="JPEG quality."),
    workers: int = typer.Option(
        None,
        min=1,
        help=(
            "Number of processes. Default: one per core. With tvl1 on a GPU "
            "they share the GPU: choose a small number."
        ),
    ),
    runner: str = typer.Option(
        None,
        help=(
            "Apache Beam runner, for preparing on many machines: "
            "DirectRunner, FlinkRunner, SparkRunner, DataflowRunner, ...; "
            "Beam's own options follow after --."
        ),
    ),
    shards: int = typer.Option(
        None,
        min=1,
        help=(
            "With --runner: number of shards, which limits the number of "
            "workers. Default: 64, if each shard then has 4 to 32 videos."
        ),
    ),
    runner_options: list[str] = typer.Argument(
        None, metavar="[-- RUNNER_OPTIONS]", help="Apache Beam's options."
    ),
):
    """Make JPEG frames and optical flow of all videos, once; run the same
    command again to resume.
    """
    from keras_vidrec.data import healths
    from keras_vidrec.data import opening
    from keras_vidrec.data.preparing.packing import Packer
    from keras_vidrec.data.preparing.prepare import prepare as prepare_videos
    from keras_vidrec.data.preparing.video import Preparation
    from keras_vidrec.data.sources.records import Records

    if runner is None and (shards is not None or runner_options):
        raise typer.BadParameter("--shards and options after -- need --runner")
    if runner is not None and workers is not None:
        raise typer.BadParameter(
            "--workers is for one machine; set the workers of a --runner "
            "with its own option, after --"
        )
    with checks.names(directory="--videos"):
        opened = opening.open_dataset(
            videos,
            # Folders of frames may have any layout.
            layout="auto" if layout is Layout.frames else layout.value,
            videos_list=videos_list,
            splits=splits,
            background=background,
            images_only=True,
        )
    # With the layout "frames", the packer raises an error if there are videos.
    packs = layout is Layout.frames or opened.kind == "frames"
    preparation = Preparation(
        flow=flow.value,
        warped=warped,
        size=size if size or packs else FrameSpec.size,
        fps=fps,
        deinterlace=deinterlace and deinterlace.value,
        bound=bound,
        quality=quality,
    )
    make = Packer(opened, preparation) if packs else None
    catalog = opened.catalog
    if catalog.understood:
        echo(catalog.understood, err=True)
    for problem in catalog.problems:
        echo(problem, err=True)
    if runner is None:
        prepared = prepare_videos(
            catalog, out, preparation, make=make, workers=workers, progress=True
        )
    else:
        from keras_vidrec.data.preparing import beam

        prepared = beam.prepare(
            catalog,
            out,
            preparation,
            runner=runner,
            options=runner_options or (),
            make=make,
            shards=shards,
            progress=True,
        )
    if prepared.failed:
        echo(
            f"{len(prepared.failed)} of {len(catalog.videos)} videos could "
            f"not be prepared; see {out / 'report.json'}.",
            err=True,
        )
    records = Records(out)
    for line in healths.report(records, records.stored_as):
        echo(line, err=True)
    if prepared.code_use is not None:
        echo(prepared.code_use.line(bound), err=True)
    echo(
        f"Prepared: {out} ({', '.join(preparation.modalities)}; "
        f"{counted(prepared.num_videos, 'video')}, "
        f"{counted(prepared.num_frames, 'frame')})"
    )
    if not prepared.num_new:
        echo(
            "Nothing was left to do. The stored data was not checked: "
            f"`vidrec inspect {out}` does that."
        )
    settings = _settings(records.stored_as)
    quoted = shlex.quote(str(out))
    echo(f"Next: vidrec train scratch --data {quoted} --out RUN{settings}")
    if "flow" in preparation.modalities:
        echo(
            f"and:  vidrec train scratch --data {quoted} --out RUN_FLOW "
            f"--set network.arguments.modality=flow{settings}"
        )
    echo("`vidrec recipes` lists the papers' recipes.")


def _settings(stored):
    """Returns the `--set` options that adapt a recipe to the stored frames."""
    if stored is None:
        return ""
    changed = {"fps": stored.fps, "deinterlace": stored.deinterlace}
    if not stored.keeps_aspect:
        changed["size"] = stored.size
    return "".join(
        f" --set clip.frame.{name}={value}"
        for name, value in changed.items()
        if value is not None
    )
