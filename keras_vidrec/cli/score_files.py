"""Score files on the command line, and how one is made of the scores of
another program."""

import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs.checks import counted

_SHOWN = 10  # videos that are left out


def scores_from(
    table: pathlib.Path = typer.Argument(
        ...,
        metavar="CSV",
        help="Text in UTF-8: a header video,label,CLASS,CLASS,... and a line a "
        "video. The label is a class, its number from 0, or nothing; several "
        "have ; between them.",
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
    unknown = int((~scores.known).sum())
    echo(
        f"Scores: {out} ({counted(len(scores.videos), 'video')}, "
        f"{counted(len(scores.classes), 'class')}, {unknown} labels unknown)"
    )


def load(paths):
    """Reads score files, each by its path or as a test of a run, `RUN` or
    `RUN@25x10`: the `Scores`, and the files they were read from. Scores in a
    run of which it is not known that its network made them are marked.

    Raises:
        ValueError: if one is no score file, a run has several and none is
            named, those of a run that is named are of another network, or the
            same is there twice.
    """
    found = [_load(pathlib.Path(path)) for path in paths]
    names = [str(file) for _, file in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                "Expected another score file each time (fusion weights say "
                f"what one counts). Received: {name} twice"
            )
    return [scores for scores, _ in found], names


def run_of(path):
    """The directory of the run that is named, as `RUN` or `RUN@25x10`; `None`
    of a score file."""
    path = pathlib.Path(path)
    if path.is_file():
        return None
    from keras_vidrec.evaluation.scores import score_naming

    _, run = score_naming.find(path)
    return run and run.path


def tell_left_out(names, left_out):
    """Tells on the error stream which videos of each file another one lacks."""
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
    """Tells what whoever reads the figures must know, below them.

    Args:
        tested: dict of `Scores` by name.
    """
    for name, scores in tested.items():
        for mark in scores.marks:
            echo(f"Mark of {name}: {mark}")


def tell_classes_left_out(scores):
    """Tells which classes are in no mean, where videos have several labels."""
    if not scores.several:
        return
    from keras_vidrec.evaluation.scores import multi_label

    names = multi_label.classes_left_out(scores)
    if names:
        more = len(names) - _SHOWN
        echo(
            f"Classes that no video shows, in no mean: {len(names)}: "
            + ", ".join(names[:_SHOWN])
            + (f" and {more} more" if more > 0 else "")
        )


def _load(path):
    if path.is_file():
        from keras_vidrec.evaluation.scores import freshness
        from keras_vidrec.evaluation.scores.score_file import Scores

        return freshness.marked(Scores.load(path), path), path
    from keras_vidrec.evaluation.scores import score_naming

    return score_naming.load(path)[:2]
