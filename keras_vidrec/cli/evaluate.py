import pathlib

import typer

from keras_vidrec.cli.startup import load_backend


def evaluate(
    run: pathlib.Path = typer.Argument(..., help="Directory of a run."),
    settings: list[str] = typer.Option(
        [],
        "--set",
        help="Change a value of the run's recipe: test.crops=centre, "
        "test.num_clips=10, data.directory=DIR. Repeatable.",
    ),
):
    """Test a trained network on its test list and write its scores."""
    load_backend()
    from keras_vidrec.evaluation import evaluator

    path, scores = evaluator.evaluate(run, settings=settings)
    figures = evaluator.summary(scores)
    typer.echo(f"videos               {len(scores.videos)}")
    for name, value in figures.items():
        typer.echo(f"{name.replace('_', ' '):20} {100 * value:.2f} %")
    typer.echo(f"Scores: {path}")
    typer.echo(f"Next: vidrec export {run} --out {run / 'saved_model'}")
