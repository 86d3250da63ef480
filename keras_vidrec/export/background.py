"""What is known about a network: its recipe, tests and measurements."""

import collections.abc
import datetime
import logging
import os
import pathlib
import typing

from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reporting.measuring import kept
from keras_vidrec.reporting.measuring.measurement import Measurement
from keras_vidrec.specs import Origin
from keras_vidrec.specs import documents
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run

logger = logging.getLogger("keras_vidrec")


class Result(typing.NamedTuple):
    """A test of the network by this package.

    Args:
        test: str. The name of the test in the run: the protocol, together with
            the dataset if several tests of the run use the same protocol.
        meta: dict. The metadata of the score file.
        origin: `Origin` of the scores.
        date: str. ISO date on which the score file was written.
        num_videos: int. Number of videos that have scores.
        figures: dict of float, as returned by `metrics.summary`.
    """

    test: str
    meta: dict
    origin: Origin
    date: str
    num_videos: int
    figures: dict


class Background:
    """What is known about a network, apart from its layers and weights.

    Args:
        name: str. Display name of the network.
        recipe: `None`, or the `Recipe` it was trained with. Defaults to
            `None`.
        results: sequence of `Result`, one for each test. Defaults to none.
        versions: `None`, or dict from str to str: the versions of the
            libraries it was trained with, by name. Defaults to `None`.
        measured: sequence of `Measurement`, speeds of the network. Defaults to
            none.
    """

    def __init__(
        self,
        name: str,
        recipe: Recipe | None = None,
        results: collections.abc.Sequence[Result] = (),
        versions: dict[str, str] | None = None,
        measured: collections.abc.Sequence[Measurement] = (),
    ) -> None:
        self.name = name
        self.recipe = recipe
        self.results = tuple(results)
        self.versions = versions or {}
        self.measured = tuple(measured)

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> typing.Self:
        """Collects what is known about a network.

        Args:
            path: path of the directory of a run, or of a `.keras` file, of
                which only the name is known.

        Returns:
            `Background`.
        """
        path = pathlib.Path(path)
        if not path.is_dir():
            return cls(path.stem)
        run = Run.open(path)
        return cls(
            run.recipe.name,
            run.recipe,
            _results(run),
            _versions(run),
            kept.of(run),
        )


def _results(run: Run) -> list[Result]:
    """Returns the `Result` of each score file of the current network."""
    results = []
    for test, path in score_naming.of_run(run).items():
        try:
            scores = Scores.load(path)
        except ValueError as error:
            logger.warning("Left out of the model card: %s", error)
            continue
        if freshness.is_stale(scores, path):
            logger.warning(
                "Left out of the model card: %s, which was computed with an "
                "earlier network of the run. Test the current one with "
                "`vidrec evaluate %s`.",
                path,
                run.path,
            )
            continue
        if not scores.known.any():
            continue
        date = datetime.date.fromtimestamp(path.stat().st_mtime)
        results.append(
            Result(
                test,
                scores.meta,
                scores.origin or Origin("scores"),
                date.isoformat(),
                int(scores.known.sum()),
                metrics.summary(scores),
            )
        )
    return results


def _versions(run: Run) -> dict[str, str]:
    """Returns versions of libraries at the last start of the training."""
    try:
        noted = documents.read_json(run.environment_file)
        versions = noted["starts"][-1]["versions"]
        return {name: found for name, found in versions.items() if found}
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        # Written by an earlier version of the package, or damaged.
        return {}
