import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend


def scores_from(
    table: pathlib.Path = typer.Argument(
        ...,
        metavar="CSV",
        help="Text in UTF-8: a header video,label,CLASS,CLASS,... and a line a "
        "video. The label is a class, its number from 0, or nothing.",
    ),
    out: pathlib.Path = typer.Option(..., help="Score file to write (.npz)."),
    classes: pathlib.Path = typer.Option(
        None,
        help="Put the columns into the order of these classes, or name columns "
        "0,1,... by them: a score file to fuse with, classInd.txt, or a name a "
        "line.",
    ),
):
    """Make a score file of the scores of another program."""
    load_backend()
    from keras_vidrec.evaluation.scores import import_scores

    names = None if classes is None else import_scores.read_classes(classes)
    scores = import_scores.from_csv(table, names)
    scores.save(out)
    unknown = sum(scores.labels < 0)
    echo(
        f"Scores: {out} ({len(scores.videos)} videos, "
        f"{len(scores.classes)} classes, {unknown} labels unknown)"
    )
