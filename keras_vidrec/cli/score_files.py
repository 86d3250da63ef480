"""Score files on the command line."""

import pathlib

from keras_vidrec.cli.terminal import echo

_SHOWN = 10  # videos that are left out


def load(paths):
    """Reads score files, each by its path or as a test of a run, `RUN` or
    `RUN@25x10`: the `Scores`, and the files they were read from.

    Raises:
        ValueError: if one is no score file, a run has several and none is
            named, or the same is there twice.
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


def _find(path):
    if path.is_file():
        return path
    from keras_vidrec.evaluation.scores import score_naming

    return score_naming.find(path)[0]
