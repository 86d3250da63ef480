import enum
import pathlib
import shlex

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.cli.terminal import progress
from keras_vidrec.specs import files

Export = enum.StrEnum("Export", ["saved_model", "onnx", "litert", "none"])


def learn(
    videos: pathlib.Path = typer.Argument(
        ..., help="Directory of videos, a folder a class."
    ),
    out: pathlib.Path = typer.Option(
        ..., help="Directory of the recognizer: new, or an interrupted one."
    ),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
    layout: str = typer.Option(
        "auto", help="How videos lie: ucf101, hmdb51, folder, list."
    ),
    flow: bool = typer.Option(
        True, help="Try a network of optical flow where clips suffice."
    ),
    size: int = typer.Option(
        160, min=32, help="Height and width in pixels that networks see."
    ),
    export: Export = typer.Option(
        Export.saved_model, help="What the recognizer is exported to."
    ),
    seed: int = typer.Option(0, min=0, help="Of the parts and of training."),
    plan: bool = typer.Option(
        False, "--plan", help="Only tell what would be done, and how long."
    ),
):
    """Learn to recognize the classes of a directory of videos, from what is
    known of ImageNet: check, choose, train, test, report and export. The same
    command goes on after an interruption."""
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
