import enum
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import checks
from keras_vidrec.specs import files
from keras_vidrec.specs.checks import counted

Grid = enum.StrEnum("Grid", ["feature_grid", "uniform"])


def features(
    data: options.Data,
    out: pathlib.Path = typer.Option(
        ..., help="Directory of the features: new, or an interrupted one."
    ),
    rgb: str = typer.Option(
        None,
        help=(
            "Rgb network: a run, a .keras file, or a name from `vidrec "
            "presets`."
        ),
    ),
    flow: str = typer.Option(
        None,
        help=(
            "Flow network: a run, a .keras file, or a name from `vidrec "
            "presets`."
        ),
    ),
    frames: int = typer.Option(25, min=1, help="Number of frames per video."),
    grid: Grid = typer.Option(
        "feature_grid",
        help=(
            "Positions of the frames: feature_grid as in TS-LSTM's code "
            "(flow from 4 images before to 5 after each), or uniform, the "
            "middles of equal segments, as in STFN (5 before to 4 after)."
        ),
    ),
    max_frames: int = typer.Option(
        None,
        min=2,
        help="Use only this many frames from the start of a video.",
    ),
    draws: int = typer.Option(
        0,
        min=0,
        help=(
            "Number of versions of each training video with random crops, "
            "in addition to the center crop."
        ),
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the random crops."),
    layout: str = typer.Option(
        "auto", help="Layout of the videos: ucf101, hmdb51, folder, list."
    ),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
    runner: options.Runner = None,
    parts: options.Parts = None,
    runner_options: options.RunnerOptions = None,
):
    """Compute features of the frames of all videos with trained networks, to
    train other networks on them. Run the same command again to resume.
    """
    if rgb is None and flow is None:
        raise typer.BadParameter("Expected a network: --rgb, --flow, or both")
    workers = options.runner(runner, runner_options, parts)
    load_backend()
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.data import healths
    from keras_vidrec.data import opening
    from keras_vidrec.data.sources.features import Features
    from keras_vidrec.evaluation import feature_extraction
    from keras_vidrec.training import loading

    paths = {"rgb": rgb, "flow": flow}
    paths = {stream: path for stream, path in paths.items() if path is not None}
    networks = {
        stream: loading.recognizer(path) for stream, path in paths.items()
    }
    spec = describe(networks["flow"]).clip_spec if flow else None
    with checks.names(directory="--data"):
        opened = opening.open_dataset(
            data,
            layout=layout,
            videos_list=videos_list,
            splits=splits,
            # For videos, flow is computed as the network was trained.
            flow=spec.flow if spec else None,
            images_only=True,
        )
    if opened.catalog.understood:
        echo(opened.catalog.understood, err=True)
    for problem in opened.catalog.problems:
        echo(problem, err=True)
    made_from = {
        "networks": {s: loading.lasting(path) for s, path in paths.items()},
        "data": {
            "directory": options.absolute(data),
            "layout": layout,
            "videos_list": videos_list and options.absolute(videos_list),
            "splits": splits and options.absolute(splits),
        },
    }
    with files.needing_room(out):
        made = feature_extraction.extract(
            networks,
            opened,
            out,
            grid=grid.value,
            num_frames=frames,
            max_frames=max_frames,
            draws=draws,
            seed=seed,
            made_from=made_from,
            runner=workers,
        )
    if made.failed:
        echo(
            f"{len(made.failed)} of {len(opened.catalog.videos)} videos "
            f"could not be read; see {out / 'report.json'}.",
            err=True,
        )
    for line in healths.report(Features(out)):
        echo(line, err=True)
    echo(
        f"Features: {out} ({', '.join(networks)}; "
        f"{counted(made.num_videos, 'video')}, "
        f"{counted(frames, 'frame')} each)"
    )
    if not made.num_new:
        echo(
            "Nothing was left to do. The stored data was not checked: "
            f"`vidrec inspect {out}` does that."
        )
