import json as json_format
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

_KNOWN = (
    "a run, a .keras file, a dataset made by `vidrec prepare` or `vidrec "
    "features`, a score file (.npz), or the directory of a report or an "
    "export, or a file in it"
)


def origin(
    path: str = typer.Argument(
        ...,
        **options.PLACE,
        help="A run, its backup, or its test RUN@25x10; a .keras file; the "
        "path or URL of a prepared dataset or of features; a score file; the "
        "directory of a report or an export, or a file in it.",
    ),
    json: bool = typer.Option(
        False, "--json", help=("Print the complete origin as JSON.")
    ),
):
    """Show from what a file or run was made: all its ancestors, with the number
    of videos that each was trained on, and leaks that were allowed."""
    found = _origin_of(path)
    if json:
        echo(json_format.dumps(found.to_dict(), indent=1))
        return
    from keras_vidrec.reporting import chain

    for line in chain.lines(found):
        echo(line)


def _origin_of(path):
    from keras_vidrec.reporting import chain

    if isinstance(path, pathlib.Path):
        # The origin of a backup is that of its run.
        for place in (path, *path.parents[:2]):
            if place.name == "backup" and path.exists():
                path = place.parent
        directory = path if path.is_dir() else path.parent
        is_kept = path.is_dir() or path.suffix not in (".npz", ".keras")
        if is_kept and path.exists() and (directory / chain.FILE).is_file():
            return chain.read(directory / chain.FILE)
        if path.suffix == ".npz" and path.is_file():
            from keras_vidrec.evaluation.scores import freshness
            from keras_vidrec.evaluation.scores.score_file import Scores

            scores = Scores.load(path)
            return _known(freshness.marked(scores, path).origin, path)
    return _read_with_backend(path)


def _read_with_backend(path):
    load_backend()
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.data import opening
    from keras_vidrec.data.prepared import dataset
    from keras_vidrec.data.prepared import storage
    from keras_vidrec.evaluation.scores import score_naming
    from keras_vidrec.training import loading
    from keras_vidrec.training.run import Run

    place = storage.as_path(path)
    if dataset.is_prepared(place):
        return opening.open_dataset(place).source.origin()
    if isinstance(path, pathlib.Path):
        if path.is_dir() and Run(path).recipe_file.is_file():
            return _known(describe(loading.load(path)).origin, path)
        if path.suffix == ".keras":
            return _known(describe(loading.load(path)).origin, path)
        if "@" in path.name and not path.exists():
            return _known(score_naming.load(path).scores.origin, path)
    there = "" if place.exists() else ", which does not exist"
    raise ValueError(f"Expected {_KNOWN}. Received: {path}{there}")


def _known(origin, path):
    """Returns an origin; raises a `ValueError` if it is `None`."""
    if origin is None:
        raise ValueError(
            f"Expected an origin in {path}. Received: a file without one, "
            "such as those of other programs"
        )
    return origin
