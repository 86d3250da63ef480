import enum
import pathlib
import shlex

import typer

from keras_vidrec import export as exports
from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.cli.terminal import progress
from keras_vidrec.specs import files

Export = enum.StrEnum("Export", [*exports.PRECISIONS, "none"])  # type: ignore[misc] # of a table


def learn(
    videos: pathlib.Path = typer.Argument(
        ..., help="Directory of videos, one folder per class."
    ),
    out: pathlib.Path = typer.Option(
        ..., help="Directory of the recognizer: new, or an interrupted one."
    ),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
    layout: str = typer.Option(
        "auto", help="Layout of the videos: ucf101, hmdb51, folder, list."
    ),
    flow: bool = typer.Option(
        True, help="Try optical flow networks if there are enough clips."
    ),
    size: int = typer.Option(
        160, min=32, help="Input height and width of the networks in pixels."
    ),
    export: Export = typer.Option(
        Export("saved_model"), help="Export format of the recognizer."
    ),
    seed: int = typer.Option(
        0, min=0, help=("Seed of the split and of training.")
    ),
    plan: bool = typer.Option(
        False, "--plan", help="Only print the plan with its estimated duration."
    ),
):
    """Train a recognizer for the classes of a directory of videos, starting
    from ImageNet weights: check the videos, choose a method, train, test,
    report and export. Run the same command again to resume.
    """
    load_backend()
    from keras_vidrec.learning import Learned
    from keras_vidrec.learning import Task
    from keras_vidrec.learning import learn as learn_task

    task = Task(
        videos,
        list=videos_list,
        layout=layout,
        splits=splits,
        flow=flow,
        size=size,
        export=export.value,
        seed=seed,
    )
    with files.needing_room(out):
        learned = learn_task(
            task, out, plan_only=plan, verbose=progress(), tell=echo
        )
    if not isinstance(learned, Learned):
        return  # the plan
    echo("")
    if learned.report is not None:
        echo(f"Report: {learned.report}")
    if learned.export is not None:
        echo(f"Export: {learned.export}")
    echo(f"Next: vidrec predict {shlex.quote(str(out))} VIDEO...")
