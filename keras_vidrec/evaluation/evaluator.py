"""Tests a network on the videos of a dataset."""

import collections.abc
import dataclasses
import logging
import math
import os
import pathlib
import time
import typing

import keras
import numpy as np

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data import leaks
from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.preparing.parts import Runner
from keras_vidrec.data.sources.source import Source
from keras_vidrec.evaluation import origins
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation import spread
from keras_vidrec.evaluation.scorers import scorer as scorers
from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run

logger = logging.getLogger("keras_vidrec")

# Ways to sample the positions of snippets in a test.
GRIDS = ("tsn_caffe", "tsn_pytorch", "uniform")


def score(
    model: keras.Model,
    source: Source,
    split: collections.abc.Sequence[int],
    test: TestProtocol | str | None = None,
    *,
    meta: dict | None = None,
    origin: Origin | None = None,
    journal: ScoreJournal | None = None,
    scorer: typing.Any = None,
    any_order: bool = False,
    unread: dict[str, str] | None = None,
    verbose: bool = True,
) -> tuple[Scores, Failures]:
    """Computes the scores of the videos of a split.

    Args:
        model: keras.Model of this package.
        source: a `Source`.
        split: sequence of int. Indices of videos of the source.
        test: `None` (the network's own), `TestProtocol`, or str, the name of
            one. Defaults to `None`.
        meta: `None`, or dict to store in the score file. Defaults to `None`.
        origin: `None`, or `Origin` of the scores. With `None` it is computed,
            and videos that the network was trained on are marked. Defaults to
            `None`.
        journal: `None`, or `ScoreJournal` of this test. Videos in it are not
            scored again; the scores of the others are added to it. Defaults to
            `None`.
        scorer: `None`, or the result of `scorer.make` for the model and this
            test, which is then compiled only once for several splits. Defaults
            to `None`.
        any_order: bool. Whether the source may have the classes in another
            order than the network. The scores have the order of the source.
            Defaults to `False`.
        unread: `None`, or dict from the names of videos that are already known
            to be unreadable to the reasons. Defaults to `None`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `Scores` of the videos that could be read, and the `Failures` of the
        others.

    Raises:
        ValueError: if the model has no clip specification, its classes are not
            those of the source, or the test does not fit the network.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    description = describe(model)
    protocol, spec = protocols.of(model, test)
    classes = tuple(description.class_names or source.classes)
    same = sorted if any_order else tuple
    if same(classes) != same(source.classes):
        raise ValueError(
            f"Expected a dataset of the network's classes {classes}. "
            f"Received: {source.classes}"
        )
    order = [classes.index(name) for name in source.classes]
    num_classes = predictions_layer(model).classes
    if num_classes != len(classes):
        raise ValueError(
            f"Expected a dataset of {num_classes} classes, as many as the "
            f"network has. Received: {source.classes}"
        )
    if scorer is None:
        scorer = scorers.make(model, protocol)
    if origin is None:
        origin = origins.of_test(model, source, split)
    failures = Failures(len(split))
    for name, problem in (unread or {}).items():
        failures.add(name, problem)
    known = dict(journal.scores) if journal else {}
    done = {*known, *failures.errors}
    left = [index for index in split if source.videos[index] not in done]
    found = _scored(
        scorer,
        source,
        spec,
        left,
        failures,
        verbose,
        protocol.reading(),
        done=len(split) - len(left),
    )
    for index, scores in found:
        known[source.videos[index]] = scores
        if journal:
            journal.add(source.videos[index], scores)
    videos = [index for index in split if source.videos[index] in known]
    scores = [known[source.videos[index]] for index in videos]
    result = Scores(
        videos=tuple(source.videos[index] for index in videos),
        scores=np.reshape(scores, (len(videos), len(classes)))[:, order],
        labels=_labels(source, videos),
        classes=source.classes,
        meta=meta or {},
    )
    origin = origin.replace(fingerprint=result.fingerprint())
    return dataclasses.replace(result, origin=origin), failures


def _scored(scorer, source, spec, indices, failures, verbose, reading, done=0):
    """Yields `(index, scores)` of each video that can be read."""
    clips = pipeline.read_each(
        source,
        spec,
        indices,
        failures,
        verbose,
        name="test",
        reading=reading,
        done=done,
    )
    for index, inputs in clips if indices else ():
        clip = keras.tree.map_structure(lambda batch: batch[0], inputs)
        yield index, scorer(clip)


class _Scoring(spread.Job):
    """The job of workers in a test: the scores of videos."""

    def __init__(self, source, test):
        self._source = source
        self._test = test

    def open(self, models):
        """See `Job`."""
        (model,) = models.values()
        self._test, self._spec = protocols.of(model, self._test)
        self._scorer = scorers.make(model, self._test)
        self._indices = {n: i for i, n in enumerate(self._source.videos)}

    def each(self, videos):
        """See `Job`. A row with `unread` has the reason why a video cannot be
        read."""
        failures = Failures(math.inf, tell=False)
        found = _scored(
            self._scorer,
            self._source,
            self._spec,
            [self._indices[name] for name in videos],
            failures,
            False,
            self._test.reading(),
        )
        for index, scores in found:
            yield self._source.videos[index], {}, {"scores": scores}
        for name, problem in failures.errors.items():
            yield name, {"unread": problem}, {}


def _score_elsewhere(runner, model, data, test, journal, state):
    """Scores the test videos that are not in the journal yet by the workers of
    a runner. Returns a dict from the names of unreadable videos to the reasons,
    in the order of the test."""
    unread = {}

    def take(video, row, arrays):
        if "unread" in row:
            unread[video] = row["unread"]
        else:
            journal.add(video, arrays["scores"])

    names = [data.source.videos[index] for index in data.test]
    left = [name for name in names if name not in journal.scores]
    job = _Scoring(data.source, test)
    spread.spread(runner, state, {"network": model}, job, left, take)
    return {name: unread[name] for name in names if name in unread}


def _labels(source, videos):
    """The labels of videos in the form of `Scores.labels`."""
    labels = [source.labels[index] for index in videos]
    if label_sets.are_sets(source.labels):
        return label_sets.multi_hot(labels, len(source.classes)).astype("int8")
    return labels


def evaluate(
    run_directory: str | os.PathLike[str],
    *,
    protocol: TestProtocol | str | None = None,
    grid: str | None = None,
    settings: collections.abc.Sequence[str] = (),
    allow_leak: bool = False,
    runner: Runner | None = None,
    verbose: bool = True,
) -> tuple[pathlib.Path, Scores]:
    """Tests the network of a finished run on its test list. An interrupted test
    is resumed.

    Args:
        run_directory: path of a run.
        protocol: `None` (that of the network), or another: `TestProtocol`, or
            str, the name of one, see `specs.TestProtocol.named`.
        grid: `None` (that of the test), or str: how the positions of snippets
            are sampled, `"tsn_caffe"`, `"tsn_pytorch"` or `"uniform"`, see
            `data.clips.sampling`.
        settings: sequence of str `"section.key=value"`: changes to the run's
            recipe, such as `"test.crops=center"`, made after the protocol's.
        allow_leak: bool. Whether to allow test videos that the network, or any
            that it was made from, was trained on; the scores are then marked,
            and the mark is shown with them. Defaults to `False`.
        runner: `None` (this process), or `data.preparing.parts.Runner`, whose
            workers score the videos; the scores are the same. Workers must have
            the run and the videos at the same paths. Defaults to `None`.
        verbose: bool. Whether to show a progress bar.

    Returns:
        Path of the score file in the run's `scores/`, named after the test and
        the data, `25x10-ucf101_split1.npz`; and the `Scores`. For other data
        than the run's own the name includes their fingerprint.

    Raises:
        ValueError: if there is no finished run, another process trains it or
            runs this test, there is no such protocol, there are no test videos,
            or videos leak: the network or anything in its origin was trained on
            them.
        RuntimeError: if the workers fail; finished results are kept.
    """
    run = Run.open(run_directory)
    run.check_free()
    changed = run.recipe.with_settings(settings).data
    model, trained_file, seen = network_of(run, changed.directory)
    recipe = _tested(run.recipe, model, protocol, grid, settings)
    return _evaluate(
        model,
        recipe,
        datasets.of_run(run, recipe, seen),
        run.scores,
        is_own=recipe.data == run.recipe.data,
        what=str(trained_file),
        fingerprint=freshness.fingerprint(trained_file),
        allow_leak=allow_leak,
        runner=runner,
        verbose=verbose,
    )


def evaluate_network(
    model,
    name,
    directory,
    *,
    protocol=None,
    grid=None,
    settings=(),
    allow_leak=False,
    runner=None,
    verbose=True,
):
    """Tests a network that does not belong to a run, as `evaluate` does, on the
    dataset given by `settings`.

    Args:
        model: keras.Model of this package.
        name: str. The name of the network.
        directory: path of the directory for the scores.
        protocol, grid: as for `evaluate`.
        settings: sequence of str `"data.key=value"`, the dataset.
        allow_leak, runner, verbose: as for `evaluate`.

    Returns:
        Path of the score file, and the `Scores`.

    Raises:
        ValueError: as for `evaluate`.
        RuntimeError: as for `evaluate`.
    """
    recipe = _tested(Recipe(name=name), model, protocol, grid, settings)
    return _evaluate(
        model,
        recipe,
        datasets.load(recipe, scorers.check_sees_videos(model)),
        pathlib.Path(directory),
        is_own=False,
        any_order=True,  # authors have different orders of the classes
        what=name,
        fingerprint=feature_tower.fingerprint(model),
        allow_leak=allow_leak,
        runner=runner,
        verbose=verbose,
    )


def _tested(recipe, model, protocol, grid, settings):
    """The recipe with the requested test and settings."""
    test = protocols.own(model) if protocol is None else protocols.get(protocol)
    if grid is not None:
        checks.choice("grid", grid, GRIDS)
        test = test.replace(sampling=grid)
    recipe = dataclasses.replace(recipe, test=test)
    return recipe.with_settings(settings)


def _evaluate(
    model,
    recipe,
    data,
    directory,
    *,
    is_own,
    what,
    fingerprint,
    allow_leak,
    runner,
    verbose,
    any_order=False,
):
    """Tests a network on a dataset, and saves the scores in a directory.

    Args:
        model: keras.Model.
        recipe: `Recipe` with the test.
        data: `Dataset`.
        directory: `pathlib.Path`.
        is_own: bool. Whether the dataset is that of the network's run.
        what: str. The name of the network in messages.
        fingerprint: str. Fingerprint of the network, stored with the scores.
        allow_leak, runner, verbose: as for `evaluate`.
        any_order: as for `score`.
    """
    completed, spec = protocols.of(model, recipe.test)
    if not data.test:
        raise ValueError(
            f"Expected videos to test on. Received: {recipe.data.directory}, "
            "none of whose videos is in the test part of split "
            f"{recipe.data.split}"
        )
    origin = origins.of_test(
        model,
        data.source,
        data.test,
        split=recipe.data.split,
        allow_leak=allow_leak,
        what=what,
    )
    network = origin.parents["network"]
    for remark in (
        *leaks.remarks(network, what),
        *datasets.test_remarks(data, verbose),
    ):
        logger.warning("%s", remark)
    path = directory / score_naming.file_name(
        recipe.test,
        recipe.data,
        # The fingerprint of the test videos, including their content and form.
        None if is_own else data.source.origin(data.test).fingerprint,
    )
    meta = {
        "recipe": recipe.name,
        "modality": "+".join(spec.modalities),
        "protocol": recipe.test.name,
        **completed.to_dict(),
        "model": fingerprint,
        **_sigmoids(model, data.source),
    }
    journal = ScoreJournal(
        directory / f".{path.stem}.journal",
        {
            **meta,
            "data": recipe.to_dict()["data"],
            "videos": [origin.videos, origin.content],
        },
        path,
    )
    known, start = len(journal.scores), time.perf_counter()
    try:
        with journal:
            state = directory / f".{path.stem}.parts"
            spread.clear(state)
            unread = runner and _score_elsewhere(
                runner, model, data, recipe.test, journal, state
            )
            scores, _ = score(
                model,
                data.source,
                data.test,
                recipe.test,
                meta=meta,
                origin=origin,
                journal=journal,
                any_order=any_order,
                unread=unread,
                verbose=verbose,
            )
    finally:
        data.source.save()
    temperature = predictions_layer(model).temperature
    if temperature != 1:
        meta = {**scores.meta, "temperature": temperature}
        scores = dataclasses.replace(scores, meta=meta)
    if len(scores.videos) > known:
        # Includes the first call of the model, which may compile it.
        rate = (len(scores.videos) - known) / (time.perf_counter() - start)
        meta = {**scores.meta, "videos_per_second": round(rate, 3)}
        scores = dataclasses.replace(scores, meta=meta)
    scores.save(path)
    journal.remove()
    return path, scores


def _sigmoids(model, source):
    """Entries of a score file for a network with a sigmoid for each class;
    empty for others. Thresholds are in the order of the source's classes."""
    found = describe(model)
    if not found.multi_label:
        return {}
    if found.thresholds is None:
        return {"multi_label": True}
    of_class = found.thresholds
    if found.class_names is not None:
        known = dict(zip(found.class_names, found.thresholds))
        of_class = [known[name] for name in source.classes if name in known]
    return {"multi_label": True, "thresholds": list(of_class)}


def network_of(run, directory):
    """Loads the network of a run that fits a dataset. A run over features has
    two: one over features, and one with videos as input.

    Args:
        run: `Run`.
        directory: path of the dataset.

    Returns:
        `(model, path, spec)`: the network, its file, and for a network whose
        input is not that of the recipe the `ClipSpec` of its input, else None.

    Raises:
        ValueError: if the run is not finished, or has no network for the
            dataset.
    """
    if not run.head_file.is_file():
        model, seen = run.load_model(), None
        if run.recipe.network.application not in table.BUILDERS:
            seen = describe(model).clip_spec  # no builder determines it
        return model, run.model_file, seen
    if opening.holds_features(directory):
        return run.load_head(), run.head_file, None
    model = run.load_model()
    return model, run.model_file, scorers.check_sees_videos(model)
