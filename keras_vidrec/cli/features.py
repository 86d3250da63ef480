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
        help="Network of frames: a run, a .keras file, or a "
        "name of `vidrec presets`.",
    ),
    flow: str = typer.Option(
        None,
        help="Network of flow: a run, a .keras file, or a "
        "name of `vidrec presets`.",
    ),
    frames: int = typer.Option(25, min=1, help="Frames of each video."),
    grid: Grid = typer.Option(
        "feature_grid",
        help="Where they lie: feature_grid as TS-LSTM's authors (flow of 4 "
        "images before to 5 after each), or uniform, the middles of equal "
        "segments, as STFN (5 before to 4 after).",
    ),
    max_frames: int = typer.Option(
        None,
        min=2,
        help="Look only at so many frames from the start of a video.",
    ),
    draws: int = typer.Option(
        0,
        min=0,
        help="Versions of each training video in random crops, beside the "
        "central one.",
    ),
    seed: int = typer.Option(0, min=0, help="Of the draws."),
    layout: str = typer.Option(
        "auto", help="How videos lie: ucf101, hmdb51, folder, list."
    ),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
    runner: options.Runner = None,
    parts: options.Parts = None,
    runner_options: options.RunnerOptions = None,
):
    """Keep what trained networks see in the frames of all videos, to train
    networks on it; the same command goes on after an interruption."""
    if rgb is None and flow is None:
        raise typer.BadParameter("--rgb or --flow, or both, name a network")
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
    with checks.names(directory="--data"):
        opened = opening.open_images(
            data,
            layout=layout,
            videos_list=videos_list,
            splits=splits,
            # Of videos it is made as the network knows it.
            flow=describe(networks["flow"]).clip_spec.flow if flow else None,
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
            f"{len(made.failed)} of {len(opened.catalog.videos)} videos could "
            f"not be read; {out / 'report.json'} says why.",
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
            "Nothing was left to do. What is stored was not read: `vidrec "
            f"inspect {out}` does that."
        )
