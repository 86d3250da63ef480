"""Checks whether scores are of the network that their run has now."""

import hashlib
import pathlib
import typing
import zipfile
import zlib

from keras_vidrec.evaluation.scores.score_file import Scores

# Names as in `training.run.Run`, which would import TensorFlow.
RECIPE = "recipe.yaml"
SCORES = "scores"
NETWORKS = ("model.keras", "head.keras")
# The member of a `.keras` file that contains the weights.
_WEIGHTS = "model.weights.h5"


def fingerprint(path) -> str:
    """Returns the SHA-256 of the weights in the file of a network, which
    `meta["model"]` of scores contains. It stays the same if a file is saved
    again with the same weights. For other or damaged files it is that of the
    whole file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as file:
            return _digest(file)
    except (KeyError, RuntimeError, zipfile.BadZipFile, zlib.error):
        with open(path, "rb") as file:
            return _digest(file)


def run_of(score_file) -> pathlib.Path | None:
    """Returns the path of the run that contains a score file; `None` if it is
    not in a run."""
    directory = pathlib.Path(score_file).resolve().parent
    run = directory.parent
    inside = directory.name == SCORES and (run / RECIPE).is_file()
    return run if inside else None


def is_stale(scores: Scores, score_file) -> bool | None:
    """Returns whether scores are of another network than their run has now.

    Args:
        scores: `Scores`.
        score_file: path of the file that they were read from.

    Returns:
        bool; `None` if the run has no network to compare them with. `False` for
        scores that are not in a run or do not contain their network.
    """
    run, tested = run_of(score_file), scores.meta.get("model")
    if run is None or tested is None:
        return False
    there = [run / name for name in NETWORKS if (run / name).is_file()]
    if not there:
        return None
    return tested not in map(fingerprint, there)


def marked(scores: Scores, score_file) -> Scores:
    """Returns the scores with a mark if they may not be of the network that
    their run has now.

    Args:
        scores, score_file: as for `is_stale`.
    """
    stale = is_stale(scores, score_file)
    if stale is False:
        return scores
    name = pathlib.Path(score_file).name
    mark = f"{name} was made by an earlier network of its run"
    if stale is None:
        mark = f"the run of {name} no longer has a network"
    return scores.marked(mark)


def _digest(file: typing.Any) -> str:
    # `Any`, because the type of archive members is too narrow for `hashlib`.
    return hashlib.file_digest(file, "sha256").hexdigest()
