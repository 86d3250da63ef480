"""Names of the score files of a run, and how to find them."""

import pathlib
import re
import typing

from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training.run import Run

# Separates a run and the name of one of its tests.
_AT = "@"
_DIGITS = 8


class Test(typing.NamedTuple):
    """Scores that a user selects.

    Attributes:
        scores: `Scores`.
        file: path of the file they were read from.
        run: `None`, or the `Run` that the user gave.
    """

    scores: Scores
    file: pathlib.Path
    run: Run | None


def file_name(test, data, videos=None):
    """Returns the name of a score file, such as `25x10-ucf101_split1.npz`.

    Args:
        test: `TestProtocol`.
        data: section `data` of a recipe.
        videos: `None`, or str: the fingerprint of the videos, for data other
            than the run's own. Defaults to `None`.

    Returns:
        str. The part after the last `-` describes the data.
    """
    directory = pathlib.PurePath(str(data.directory).rstrip("/")).name
    words = [directory, f"split{data.split}", (videos or "")[:_DIGITS]]
    named = "_".join(word for word in words if word)
    return f"{test.name}-{re.sub(r'[^0-9A-Za-z.]+', '_', named)}.npz"


def of_run(run):
    """Returns the score files of a run as a sorted dict from the names of their
    tests to paths. The name is that of the protocol; if several tests have the
    same protocol, it includes the data."""
    paths = sorted(run.scores.glob("*.npz"))
    tests = [path.stem.rpartition("-")[0] or path.stem for path in paths]
    return {
        path.stem if tests.count(test) > 1 else test: path
        for test, path in zip(tests, paths)
    }


def find(path):
    """Finds the score file that a user selects.

    Args:
        path: path of a score file; of a run with a single test; or of a run
            with the name of a test, `RUN@25x10`.

    Returns:
        `(file, run)`: the path of the score file, and the `Run` or `None`.

    Raises:
        ValueError: if there is no such file or test, or a run has several tests
            and no name is given; the message lists the tests.
    """
    path, name = pathlib.Path(path), None
    if not path.exists() and _AT in path.name:
        before, _, name = path.name.rpartition(_AT)
        path = path.with_name(before) if before else path.parent
    if name is None and not path.is_dir():
        if not path.exists():
            raise ValueError(
                "Expected a tested run, or a score file. Received: "
                f"{path}, which does not exist"
            )
        return path, None
    run = Run.open(path)
    tests = of_run(run)
    if not tests:
        raise ValueError(
            f"Expected a tested run: `vidrec evaluate {path}` tests it. "
            f"Received: {path}, without score files in {run.scores}"
        )
    if name is None and len(tests) == 1:
        (name,) = tests
    by_stem = {file.stem: file for file in tests.values()}
    file = tests.get(name) or by_stem.get(name)
    if file is None:
        known = ", ".join(f"{path}{_AT}{test}" for test in tests)
        asked = f"{path}, with {len(tests)} tests" if name is None else name
        raise ValueError(
            f"Expected one of the tests of a run: {known}. Received: {asked}"
        )
    return file, run


def load(path) -> Test:
    """Loads the scores that a user selects.

    Args:
        path: as for `find`.

    Returns:
        `Test`. Scores of a file inside a run are marked if they are of another
        network than the run has now.

    Raises:
        ValueError: as for `find` and `Scores.load`; or if scores selected by
            their run are of another network.
    """
    file, run = find(path)
    scores = Scores.load(file)
    if run is not None and freshness.is_stale(scores, file):
        raise ValueError(
            "Expected scores of the network that the run has now: `vidrec "
            f"evaluate {run.path}` tests it. Received: {file}, of an earlier "
            "network (the run was trained again, or its network replaced)"
        )
    return Test(freshness.marked(scores, file), file, run)
