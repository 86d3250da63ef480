"""Score files on the command line."""

import pathlib

import typer

_SHOWN = 10  # videos that are left out


def load(paths):
    """Reads score files, each named or that of a run's own test: the `Scores`,
    and the files they were read from.

    Raises:
        ValueError: if one is no score file, a run has not exactly one, or
            the same is there twice.
    """
    from keras_vidrec.evaluation.scores.score_file import Scores

    found = [_find(pathlib.Path(path)) for path in paths]
    for path in found:
        if found.count(path) > 1:
            raise ValueError(
                "Expected another score file each time (fusion weights say "
                f"what one counts). Received: {path} twice"
            )
    return [Scores.load(path) for path in found], list(map(str, found))


def tell_left_out(names, left_out):
    """Tells on the error stream which videos of each file another one lacks."""
    for name, videos in zip(names, left_out):
        if videos:
            more = len(videos) - _SHOWN
            typer.echo(
                f"left out, not in every file: {len(videos)} of {name}: "
                + ", ".join(videos[:_SHOWN])
                + (f" and {more} more" if more > 0 else ""),
                err=True,
            )


def _find(path):
    if not path.is_dir():
        return path
    from keras_vidrec.training.run import Run

    found = sorted(Run.open(path).scores.glob("test-split*.npz"))
    if len(found) != 1:
        held = ", ".join(file.name for file in found) or "none"
        raise ValueError(
            "Expected a score file, or a run with the test of one split. "
            f"Received: {path}, with {held}"
            + ("" if found else f" (`vidrec evaluate {path}` makes one)")
        )
    return found[0]
