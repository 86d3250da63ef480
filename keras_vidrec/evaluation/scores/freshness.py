"""Whether the scores of a run are those of the network that it has now."""

import hashlib
import pathlib
import typing
import zipfile
import zlib

from keras_vidrec.evaluation.scores.score_file import Scores

# As `training.run.Run` calls them, which needs TensorFlow.
RECIPE = "recipe.yaml"
SCORES = "scores"
NETWORKS = ("model.keras", "head.keras")
# Where a `.keras` file has its weights.
_WEIGHTS = "model.weights.h5"


def fingerprint(path) -> str:
    """SHA-256 of the weights in the file of a network, as `meta["model"]` has
    it: a file that was written again with the same weights is the same
    network. Of what is no sound `.keras` file, that of all of it."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as file:
            return _digest(file)
    except (KeyError, RuntimeError, zipfile.BadZipFile, zlib.error):
        with open(path, "rb") as file:
            return _digest(file)


def run_of(score_file) -> pathlib.Path | None:
    """Path of the run that a score file is in; `None` if in none."""
    directory = pathlib.Path(score_file).resolve().parent
    run = directory.parent
    inside = directory.name == SCORES and (run / RECIPE).is_file()
    return run if inside else None


def is_stale(scores: Scores, score_file) -> bool | None:
    """Whether scores are of another network than their run has now.

    Args:
        scores: `Scores` that were read from
        score_file: path.

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
    """The scores, marked if they are not known to be of the network that
    their run has now. Arguments as of `is_stale`."""
    stale = is_stale(scores, score_file)
    if stale is False:
        return scores
    name = pathlib.Path(score_file).name
    mark = f"{name} was made by an earlier network of its run"
    if stale is None:
        mark = f"the run of {name} no longer has a network"
    return scores.marked(mark)


def _digest(file: typing.Any) -> str:
    # What opens a member of an archive has a type too narrow for `hashlib`.
    return hashlib.file_digest(file, "sha256").hexdigest()
