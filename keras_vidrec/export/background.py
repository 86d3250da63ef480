"""What is known of a network beside itself: its recipe, its tests."""

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
        test: str. Its name in the run: the protocol, or with the data where
            several have one protocol.
        meta: dict. Of the score file.
        origin: `Origin` of the scores.
        date: str. ISO date the file was written.
        num_videos: int.
        figures: dict of `metrics.summary`.
    """

    test: str
    meta: dict
    origin: Origin
    date: str
    num_videos: int
    figures: dict


class Background:
    """What is known of a network beside itself.

    Args:
        name: str. Name of the network for people.
        recipe: `None`, or the `Recipe` it was trained by.
        results: sequence of `Result`.
        versions: dict from str to str: of the libraries it was trained with.
        measured: sequence of `Measurement` of the network.
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
        """What is known of the network of a run, or of a `.keras` file.

        Args:
            path: path of either.

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


def _results(run):
    results = []
    for test, path in score_naming.of_run(run).items():
        try:
            scores = Scores.load(path)
        except ValueError as error:
            logger.warning("Left out of the model card: %s", error)
            continue
        if freshness.is_stale(scores, path):
            logger.warning(
                "Left out of the model card: %s, of another network than the "
                "run has now (`vidrec evaluate %s`).",
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


def _versions(run):
    try:
        noted = documents.read_json(run.environment_file)
        versions = noted["starts"][-1]["versions"]
        return {name: found for name, found in versions.items() if found}
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return {}  # of an earlier version, or damaged: stated as unknown
