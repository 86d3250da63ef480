import csv
import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

# Headings of the figures of classes by the number of their training videos.
_FIGURES = {
    "top_1": "top 1",
    "mean_class_accuracy": "mean class accuracy",
    "mean_average_precision": "mean average precision",
    "mean_class_f1": "mean F1",
}


def report(
    run: pathlib.Path = typer.Argument(
        ...,
        help=(
            "A tested run: RUN, or RUN@25x10 to choose a test; or a score "
            "file (.npz)."
        ),
    ),
    out: pathlib.Path = typer.Option(
        None,
        help=(
            "Directory to write to. Default: report/ in the run, or "
            "NAME-report next to the score file NAME.npz."
        ),
    ),
    data: pathlib.Path = typer.Option(
        None,
        help=(
            "Dataset to read the frames of mistakes from. Default: that of "
            "the run's recipe."
        ),
    ),
):
    """Write the report of a tested network as one HTML page: accuracies, the
    hardest classes, the worst mistakes, the curves of the training."""
    load_backend()
    from keras_vidrec import reporting

    page = reporting.report(run, out, data=data)
    for line in _class_sizes(page.parent / "figures" / "class_sizes.csv"):
        echo(line)
    echo(f"Report: {page}")


def _class_sizes(path):
    """Yields a table of figures by the number of training videos of classes;
    nothing if all classes have about as many."""
    if not path.exists():
        return
    with open(path, newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    if len(rows) < 2:
        return
    figures = {name: _FIGURES[name] for name in rows[0] if name in _FIGURES}
    headings = "  ".join(f"{heading:>8}" for heading in figures.values())
    yield f"training videos  classes  videos  {headings}"
    for row in rows:
        shares = (
            f"{100 * float(row[name]):.2f} %".rjust(max(8, len(heading)))
            for name, heading in figures.items()
        )
        yield (
            f"{row['training_videos']:15}  {row['classes']:>7}  "
            f"{row['videos']:>6}  {'  '.join(shares)}"
        )
