"""Reads score files for the commands, and converts scores of other
programs."""

import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs.checks import counted

_SHOWN = 10  # names of videos or classes that are printed


def scores_from(
    table: pathlib.Path = typer.Argument(
        ...,
        metavar="CSV",
        help=(
            "UTF-8 text: a header video,label,CLASS,CLASS,... and one line "
            "per video. The label is a class, its number from 0, or empty; "
            "several labels are separated by ;."
        ),
    ),
    out: pathlib.Path = typer.Option(..., help="Score file to write (.npz)."),
    classes: pathlib.Path = typer.Option(
        None,
        help=(
            "Order the columns by these classes, or name columns 0,1,...: a "
            "score file to fuse with, classInd.txt, or a text file with one "
            "name per line."
        ),
    ),
):
    """Make a score file from the scores of another program."""
    load_backend()
    from keras_vidrec.evaluation.scores import import_scores

    names = None if classes is None else import_scores.read_classes(classes)
    scores = import_scores.from_csv(table, names)
    scores.save(out)
    unknown = int((~scores.known).sum())
    echo(
        f"Scores: {out} ({counted(len(scores.videos), 'video')}, "
        f"{counted(len(scores.classes), 'class')}, {unknown} labels unknown)"
    )


def load(paths):
    """Reads score files. Scores in a run are marked if it is not known that
    they were computed with the run's network.

    Args:
        paths: sequence of paths of score files, or of tests of runs, `RUN` or
            `RUN@25x10`.

    Returns:
        Tuple of a list of `Scores`, and a list of str: the paths of their
        files.

    Raises:
        ValueError: if a file is not a score file, a run has several tests and
            none is named, the scores of a run were computed with an earlier
            network, or a file is named twice.
    """
    found = [_load(pathlib.Path(path)) for path in paths]
    names = [str(file) for _, file in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                "Expected different score files (use fusion weights to give "
                f"one more weight). Received: {name} twice"
            )
    return [scores for scores, _ in found], names


def run_of(path):
    """Returns the directory of a run that is named as `RUN` or `RUN@25x10`;
    `None` for a score file."""
    path = pathlib.Path(path)
    if path.is_file():
        return None
    from keras_vidrec.evaluation.scores import score_naming

    _, run = score_naming.find(path)
    return run and run.path


def tell_left_out(names, left_out):
    """Prints to stderr which videos of each file are missing in another one."""
    for name, videos in zip(names, left_out):
        if videos:
            more = len(videos) - _SHOWN
            echo(
                f"left out, not in every file: {len(videos)} of {name}: "
                + ", ".join(videos[:_SHOWN])
                + (f" and {more} more" if more > 0 else ""),
                err=True,
            )


def tell_marks(tested):
    """Prints the marks of scores below their figures.

    Args:
        tested: dict of `Scores` by name.
    """
    for name, scores in tested.items():
        for mark in scores.marks:
            echo(f"Mark of {name}: {mark}")


def tell_classes_left_out(scores):
    """Prints the classes left out of means, if videos have several labels."""
    if not scores.several:
        return
    from keras_vidrec.evaluation.scores import multi_label

    names = multi_label.classes_left_out(scores)
    if names:
        more = len(names) - _SHOWN
        echo(
            f"Classes without a video, left out of means: {len(names)}: "
            + ", ".join(names[:_SHOWN])
            + (f" and {more} more" if more > 0 else "")
        )


def _load(path):
    """Returns the `Scores` of a path, and the path of their file."""
    if path.is_file():
        from keras_vidrec.evaluation.scores import freshness
        from keras_vidrec.evaluation.scores.score_file import Scores

        return freshness.marked(Scores.load(path), path), path
    from keras_vidrec.evaluation.scores import score_naming

    return score_naming.load(path)[:2]
