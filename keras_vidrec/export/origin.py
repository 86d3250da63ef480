"""Where a network comes from: its run, its data, its tests."""

import datetime
import json
import logging
import pathlib
import typing

import keras
import numpy as np
import tensorflow as tf

from keras_vidrec.data import pipeline
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.export import parity
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training.run import Run

logger = logging.getLogger("keras_vidrec")


class Result(typing.NamedTuple):
    """A test of the network by this package.

    Args:
        protocol: str. Name of the protocol, or `"test"`: the recipe's own.
        meta: dict. Of the score file.
        date: str. ISO date the file was written.
        num_videos: int.
        figures: dict of `metrics.summary`.
    """

    protocol: str
    meta: dict
    date: str
    num_videos: int
    figures: dict


class Check(typing.NamedTuple):
    """A comparison of an exported network with the trained one.

    Args:
        endpoint: str. Its name.
        difference: float. The largest of a probability.
        on: str. What was compared.
    """

    endpoint: str
    difference: float
    on: str


class Origin:
    """What is known of a network beside itself.

    Args:
        name: str. Name of the network for people.
        recipe: `None`, or the `Recipe` it was trained by.
        results: sequence of `Result`.
        versions: dict from str to str: of the libraries it was trained with.
    """

    def __init__(self, name, recipe=None, results=(), versions=None):
        self.name = name
        self.recipe = recipe
        self.results = tuple(results)
        self.versions = versions or {}

    @classmethod
    def of(cls, path):
        """The origin of the network of a run, or of a `.keras` file.

        Args:
            path: path of either.

        Returns:
            `Origin`.
        """
        path = pathlib.Path(path)
        if not path.is_dir():
            return cls(path.stem)
        run = Run.open(path)
        return cls(run.recipe.name, run.recipe, _results(run), _versions(run))

    def check(self, endpoint, run, tolerance, names=None):
        """Compares a reloaded network with the trained one, on clips of the
        dataset of the run, or on generated ones if there is none.

        Args:
            endpoint, run, tolerance, names: As `parity.check` takes them.

        Returns:
            `Check`.

        Raises:
            RuntimeError: as `parity.check`.
        """
        clips = self._clips(endpoint)
        on = "a clip of the dataset"
        if clips is None:
            clips, on = parity.generated_clips(endpoint), "generated clips"
        difference = parity.check(endpoint, run, clips, tolerance, names)
        return Check(endpoint.name, difference, on)

    def _clips(self, endpoint):
        """A video of the dataset as the endpoint takes it, or None."""
        if self.recipe is None or endpoint.spec is None:
            return None
        try:
            inputs = _read(self.recipe, endpoint.spec)
        # The dataset may have been moved, or hold flow without frames.
        except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:300]
            logger.warning(
                "No clip of the dataset to compare the export on, generated "
                "ones are taken: %s",
                reason,
            )
            return None
        clips = {
            tensor.name: clip
            for tensor, clip in zip(endpoint.inputs, keras.tree.flatten(inputs))
        }
        if endpoint.makes_flow and endpoint.inputs[0].shape[1] is None:
            # Flow takes long: one segment.
            clips = {name: clip[:, :1] for name, clip in clips.items()}
        return clips


def _read(recipe, spec):
    data = datasets.load(recipe)
    split = (data.test or data.train)[:1]
    failures = pipeline.Failures(len(split))
    dataset = pipeline.make(
        data.source,
        spec,
        split,
        training=False,
        batch_size=1,
        failures=failures,
    )
    inputs, _, _ = next(dataset.as_numpy_iterator())
    for error in failures.errors.values():
        raise ValueError(error)
    return inputs


def _results(run):
    results = []
    for path in sorted(run.scores.glob("*.npz")):
        try:
            scores = Scores.load(path)
        except ValueError as error:
            logger.warning("Left out of the model card: %s", error)
            continue
        if not np.any(scores.labels >= 0):
            continue
        date = datetime.date.fromtimestamp(path.stat().st_mtime)
        results.append(
            Result(
                scores.meta.get("protocol") or "test",
                scores.meta,
                date.isoformat(),
                int(np.sum(scores.labels >= 0)),
                metrics.summary(scores),
            )
        )
    return results


def _versions(run):
    try:
        text = run.environment_file.read_text("utf-8")
        versions = json.loads(text)["starts"][-1]["versions"]
        return {name: found for name, found in versions.items() if found}
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return {}  # of an earlier version, or damaged: told as unknown
