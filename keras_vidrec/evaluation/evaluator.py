"""Testing a network on the videos of a dataset."""

import dataclasses
import hashlib
import logging
import time

import keras
import numpy as np

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data.failures import Failures
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers import scorer as scorers
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.specs import checks
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training.run import Run

logger = logging.getLogger("keras_vidrec")

# Where snippets lie in a test.
GRIDS = ("tsn_caffe", "tsn_pytorch", "uniform")


def score(
    model,
    source,
    split,
    test,
    *,
    meta=None,
    journal=None,
    scorer=None,
    verbose=True,
):
    """Scores the videos of a split.

    Args:
        model: keras.Model of this package.
        source: a `Source`.
        split: sequence of int. Videos of the source.
        test: `TestProtocol`: how many snippets, or clips of how
            many chunks, which grid, which crops.
        meta: `None`, or dict to keep in the score file.
        journal: `None`, or `ScoreJournal` of this test: videos in it are not
            scored again, the others are added.
        scorer: `None`, or what `scorer.make` gave for the model and this
            test: it is compiled once for all the splits it scores.
        verbose: bool. Whether to show a progress bar.

    Returns:
        `Scores` of the videos that could be read, and the `Failures` of the
        others.

    Raises:
        ValueError: if the model holds no clip specification, its classes are
            not those of the source, or it cannot be tested in this way.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    description = describe(model)
    spec = scorers.clip_spec_of(model)
    classes = description.class_names or source.classes
    if tuple(classes) != tuple(source.classes):
        raise ValueError(
            f"Expected a dataset of the network's classes {classes}. "
            f"Received: {source.classes}"
        )
    num_classes = predictions_layer(model).classes
    if num_classes != len(classes):
        raise ValueError(
            f"Expected a dataset of {num_classes} classes, as many as the "
            f"network has. Received: {source.classes}"
        )
    spec = _tested(spec, test)
    if scorer is None:
        scorer = scorers.make(model, test.num_segments, test.crops)
    failures = Failures(len(split))
    known = dict(journal.scores) if journal else {}
    left = [index for index in split if source.videos[index] not in known]
    clips = pipeline.read_each(
        source,
        spec,
        left,
        failures,
        verbose,
        name="test",
        done=len(split) - len(left),
        num_segments=test.num_segments,
        num_clips=test.num_clips,
        crops=test.crops,
        mode="test",
    )
    for index, inputs in clips if left else ():
        clip = keras.tree.map_structure(lambda batch: batch[0], inputs)
        scores = known[source.videos[index]] = scorer(clip)
        if journal:
            journal.add(source.videos[index], scores)
    videos = [index for index in split if source.videos[index] in known]
    scores = [known[source.videos[index]] for index in videos]
    result = Scores(
        videos=tuple(source.videos[index] for index in videos),
        scores=np.reshape(scores, (len(videos), len(classes))),
        labels=[source.labels[index] for index in videos],
        classes=classes,
        meta=meta or {},
    )
    return result, failures


def evaluate(
    run_directory, *, protocol=None, grid=None, settings=(), verbose=True
):
    """Tests the network of a finished run on its test list. A test that was
    killed goes on where it was.

    Args:
        run_directory: path of a run.
        protocol: `None` (the recipe's own test), or str: a key of
            `protocols.PROTOCOLS`.
        grid: `None` (that of the test), or str: where the snippets lie,
            `"tsn_caffe"`, `"tsn_pytorch"` or `"uniform"`; see
            `data.clips.sampling`.
        settings: sequence of str `"section.key=value"`: changes to the run's
            recipe, such as `"test.crops=center"`, made after the protocol's.
        verbose: bool. Whether to show a progress bar.

    Returns:
        Path of the score file in the run's `scores/`, called by the protocol
        (`test` without one), the grid, what the settings change of the test,
        and the split; and the `Scores`.

    Raises:
        ValueError: if there is no finished run, no such protocol, nothing
            to test on, or settings of another split, whose test list may hold
            videos that the run was trained on.
    """
    run = Run.open(run_directory)
    named = _with_protocol(run.recipe, protocol, grid)
    recipe = named.with_settings(settings)
    _check_same_split(run.recipe.data, recipe.data)
    model, trained_file, seen = _network(run, recipe.data.directory)
    data = datasets.load(recipe, seen)
    if not data.test:
        raise ValueError(
            "Expected videos to test on. Received: "
            f"{recipe.data.directory}, of whose videos none is in the test "
            f"part of split {recipe.data.split}"
        )
    for remark in datasets.test_remarks(data, verbose):
        logger.warning("%s", remark)
    test = recipe.test
    spec = describe(model).clip_spec
    meta = {
        "recipe": recipe.name,
        "split": recipe.data.split,
        "modality": "+".join(spec.modalities),
        "protocol": protocol,
        "num_segments": test.num_segments,
        "num_clips": test.num_clips,
        "stride": test.stride,
        "sampling": test.sampling or spec.sampling,
        "crops": test.crops,
    }
    name = "-".join(
        filter(None, [protocol or "test", grid, *_changes(named.test, test)])
    )
    path = run.scores / f"{name}-split{recipe.data.split}.npz"
    with open(trained_file, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    journal = ScoreJournal(
        run.scores / f".{path.stem}.journal",
        {**meta, "model": sha256, "data": recipe.to_dict()["data"]},
    )
    known, start = len(journal.scores), time.perf_counter()
    try:
        with journal:
            scores, _ = score(
                model,
                data.source,
                data.test,
                test,
                meta=meta,
                journal=journal,
                verbose=verbose,
            )
    finally:
        data.source.save()
    if len(scores.videos) > known:
        # The model's first call, which may compile it, is among them.
        rate = (len(scores.videos) - known) / (time.perf_counter() - start)
        meta = {**scores.meta, "videos_per_second": round(rate, 3)}
        scores = dataclasses.replace(scores, meta=meta)
    scores.save(path)
    journal.remove()
    return path, scores


def _network(run, directory):
    """The network of a run for a dataset, its file, and what it sees if it was
    not trained on such: of a run over features there is one that sees these
    and one that sees videos."""
    if not run.head_file.is_file():
        return run.load_model(), run.model_file, None
    if opening.holds_features(directory):
        return run.load_head(), run.head_file, None
    model = run.load_model()
    return model, run.model_file, scorers.check_sees_videos(model)


def _with_protocol(recipe, protocol, grid):
    """The recipe with the test of a protocol, on a grid."""
    test = recipe.test
    if protocol is not None:
        test = protocols.get(protocol).test(recipe)
    if grid is not None:
        checks.choice("grid", grid, GRIDS)
        test = dataclasses.replace(test, sampling=grid)
    return dataclasses.replace(recipe, test=test)


def _check_same_split(trained, tested):
    """Refuses settings that would test on videos of the training."""
    for name in ("split", "test_fraction"):
        of_run, received = getattr(trained, name), getattr(tested, name)
        if received != of_run:
            raise ValueError(
                "A run is tested on what its own split left out. Expected "
                f"data.{name}={of_run}. Received: data.{name}={received}"
            )


def _changes(before, test):
    """What of a test was changed, for the name of its score file."""
    for field in dataclasses.fields(test):
        value = getattr(test, field.name)
        if value != getattr(before, field.name):
            yield f"{field.name}={value}"


def _tested(spec, test):
    """The clip specification with what the test changes of it."""
    sampling = test.sampling or spec.sampling
    if sampling != "chunks":
        if test.stride is not None:
            raise ValueError(
                "Only chunks lie a stride apart. Expected a test without "
                'stride, or with sampling="chunks". Received: '
                f"stride={test.stride}, sampling={sampling!r}"
            )
        return spec.replace(sampling=sampling, stride=None)
    if test.stride is not None:
        return spec.replace(sampling=sampling, stride=(test.stride,) * 2)
    if spec.stride is None:
        raise ValueError(
            "The network was not trained on chunks. Expected their distance "
            "with test.stride. Received: stride=None"
        )
    return spec
