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
Flow = enum.StrEnum("Flow", [(n, n) for n in (*FLOW_METHODS, "none")])
Deinterlace = enum.StrEnum("Deinterlace", [(n, n) for n in DEINTERLACING if n])


def prepare(
    layout: Layout = typer.Argument(
        ...,
        help="How the dataset lies: with split files of UCF101 or HMDB51, a "
        "folder a class, or described by a list; frames: folders of frames and "
        "flow of other tools, which are packed as they are.",
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
        help="How optical flow is made: tvl1 as published, dis and farneback "
        "in a hurry, brox by an OpenCV built with CUDA; none: frames only. Of "
        "frame folders: how theirs was made.",
    ),
    warped: bool = typer.Option(
        False, "--warped", help="Make flow without the camera's motion too."
    ),
    splits: options.Splits = None,
    videos_list: options.VideosList = None,
    background: bool = typer.Option(
        False,
        "--background",
        help="Of a list with start and end: what its segments leave of their "
        "videos is a class, background.",
    ),
    size: str = typer.Option(
        None,
        help="Size of the frames: short256 (the shorter side, aspect kept), or "
        "WIDTHxHEIGHT such as TSN's 340x256. Default: short256. Of frame "
        "folders: how theirs were resized, if you know.",
    ),
    fps: float = typer.Option(
        None,
        help="Frames a second to take, the nearest in time. Default: all "
        "frames. Of frame folders: at which theirs were taken, if you know.",
    ),
    deinterlace: Deinterlace = typer.Option(
        None,
        help="Of interlaced videos: yadif makes a frame of each, bob one of "
        "each field. Default: as decoded.",
    ),
    bound: float = typer.Option(
        20.0, help="Flow in pixels that 0 and 255 stand for."
    ),
    quality: int = typer.Option(
        95, min=1, max=100, help="Quality of the JPEGs."
    ),
    workers: int = typer.Option(
        None,
        min=1,
        help="Number of processes. Default: one a core. Where tvl1 runs on a "
        "GPU they share it: choose few.",
    ),
    runner: str = typer.Option(
        None,
        help="Apache Beam's runner that prepares on many machines: "
        "DirectRunner, FlinkRunner, SparkRunner, DataflowRunner, ...; its own "
        "options follow after --.",
    ),
    shards: int = typer.Option(
        None,
        min=1,
        help="With --runner: number of shards, and so of workers that find "
        "work. Default: 64, as far as each gets 4 to 32 videos.",
    ),
    runner_options: list[str] = typer.Argument(
        None, metavar="[-- RUNNER_OPTIONS]", help="Apache Beam's options."
    ),
):
    """Make JPEG frames and optical flow of all videos, once; the same command
    goes on after an interruption."""
    from keras_vidrec.data import healths
    from keras_vidrec.data import opening
    from keras_vidrec.data.preparing.packing import Packer
    from keras_vidrec.data.preparing.prepare import prepare as prepare_videos
    from keras_vidrec.data.preparing.video import Preparation
    from keras_vidrec.data.sources.records import Records

    if runner is None and (shards is not None or runner_options):
        raise typer.BadParameter(
            "--shards and options after -- belong to a --runner"
        )
    if runner is not None and workers is not None:
        raise typer.BadParameter(
            "--workers is for one machine; a --runner has an option of its own "
            "for it, after --"
        )
    with checks.names(directory="--videos"):
        opened = opening.open_images(
            videos,
            # Folders of frames may lie in any of these ways.
            layout="auto" if layout is Layout.frames else layout.value,
            videos_list=videos_list,
            splits=splits,
            background=background,
        )
    # The packer refuses videos, where frames were promised.
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
            f"not be prepared; {out / 'report.json'} says why.",
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
            "Nothing was left to do. What is stored was not read: `vidrec "
            f"inspect {out}` does that."
        )
    settings = _settings(records.stored_as)
    quoted = shlex.quote(str(out))
    echo(f"Next: vidrec train scratch --data {quoted} --out RUN{settings}")
    if "flow" in preparation.modalities:
        echo(
            f"and:  vidrec train scratch --data {quoted} --out RUN_FLOW "
            f"--set network.arguments.modality=flow{settings}"
        )
    echo("`vidrec recipes` lists those of the papers.")


def _settings(stored):
    """What recipes must be told that do not see frames as they were stored."""
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
