"""Reads the scores that a reproduction has measured so far."""

import collections.abc
import os
import pathlib

import numpy as np
import sklearn.preprocessing

from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores import fusion
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reproduction.parts import Fusion
from keras_vidrec.reproduction.parts import Given
from keras_vidrec.reproduction.parts import Tested
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.reproduction.plan import Figure
from keras_vidrec.training.run import Run

# Placeholder for the number of the split in the path of provided scores.
SPLIT = "{split}"


class Missing(Exception):
    """A part has not been made yet, or cannot be made. The message is the
    reason."""


class Results:
    """The scores in the directory of a reproduction, and provided scores.

    Args:
        directory: as for `Workshop`.
        given: as for `Workshop`. Defaults to `None`.
    """

    def __init__(
        self, directory: str | os.PathLike[str], given: dict | None = None
    ) -> None:
        self.path = pathlib.Path(directory)
        self.given = {
            name: str(pathlib.Path(path).resolve())
            for name, path in (given or {}).items()
        }
        self._scores: dict = {}

    def leftovers(self, names: collections.abc.Iterable[str]) -> tuple:
        """Returns the names of runs in the directory that are not in `names`,
        for example of a recipe that has changed since.

        Args:
            names: collection of str. Names of trainings of a plan.
        """
        runs = (self.path / "runs").glob("*")
        return tuple(sorted(run.name for run in runs if run.name not in names))

    def measured(self, figure: Figure) -> dict:
        """Returns the measured figure in percent, as a dict from the numbers of
        tested splits to float.

        Args:
            figure: `plan.Figure`.
        """
        found = {}
        for split, test in figure.tests.items():
            try:
                scores = self.scores(test, split)
            except Missing:
                continue
            found[split] = 100 * metrics.summary(scores)[figure.row.figure]
        return found

    def run(self, training: Training) -> Run:
        """Returns the `Run` of a training, which need not exist yet."""
        return Run(self.path / "runs" / training.name)

    def scores(self, test: Tested | Fusion | Given, split: int) -> Scores:
        """Returns the `Scores` of a test.

        Args:
            test: `Tested`, `Fusion` or `Given`.
            split: int. Number of the split.

        Raises:
            Missing: if a network has not been tested, or was trained again
                since, or a file is not provided.
        """
        if isinstance(test, Fusion):
            members = [
                _normalized(self.scores(one, split), norm)
                for one, norm in zip(test.members, test.normalize, strict=True)
            ]
            return fusion.fuse(
                members, test.weights, softmax=test.scores == "probabilities"
            )
        if isinstance(test, Given):
            if test.name not in self.given:
                raise Missing(test.what)
            path = self.given_path(test, split)
            if path not in self._scores:
                self._scores[path] = Scores.load(path)
            return self._scores[path]
        if test.name not in self._scores:
            path = self._score_file(test)
            if not path.is_file():
                raise Missing(f"{test.name} is not tested")
            scores = Scores.load(path)
            if freshness.is_stale(scores, path) is not False:
                raise Missing(f"{test.name} is not of the network of the run")
            self._scores[test.name] = scores
        return self._scores[test.name]

    def forget(self, training: Training) -> None:
        """Removes the scores of a training from the cache of this object,
        because its network has changed."""
        for name in [
            n for n in self._scores if str(n).startswith(training.name)
        ]:
            del self._scores[name]

    def _score_file(self, tested):
        """The path of the score file of a `Tested`, which need not exist."""
        run = self.run(tested.training)
        if not run.recipe_file.is_file():
            return run.scores / "none"
        name = score_naming.file_name(tested.test, run.recipe.data)
        return run.scores / name

    def given_path(self, part: Given, split: int) -> pathlib.Path:
        """Returns the path of a provided file; for scores, that of a split."""
        path = self.given[part.name].replace(SPLIT, str(split))
        return pathlib.Path(path)


def _normalized(scores: Scores, norm: str | None) -> Scores:
    """The `Scores` with each video's scores divided by their norm; the same
    scores if `norm` is `None`."""
    if norm is None:
        return scores
    values = np.asarray(scores.scores, "float64")
    return Scores(
        scores.videos,
        sklearn.preprocessing.normalize(values, norm),
        scores.labels,
        scores.classes,
        scores.meta,
    )
