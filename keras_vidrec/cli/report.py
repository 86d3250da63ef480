import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend


def report(
    run: pathlib.Path = typer.Argument(
        ...,
        help="A tested run: RUN, or with the test that is looked into, "
        "RUN@25x10; or a score file (.npz).",
    ),
    out: pathlib.Path = typer.Option(
        None,
        help="Directory to write to. Default: report/ in the run, or "
        "NAME-report beside the score file NAME.npz.",
    ),
    data: pathlib.Path = typer.Option(
        None,
        help="Dataset to read the frames of mistakes from. Default: where "
        "the recipe of the run says.",
    ),
):
    """Write what came out as one HTML page: accuracies, the hardest classes,
    the worst mistakes, the curves of the training."""
    load_backend()
    from keras_vidrec import reporting

    echo(f"Report: {reporting.report(run, out, data=data)}")
