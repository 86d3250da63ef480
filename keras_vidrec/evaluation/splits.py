"""The three splits of a dataset: a run each, and their mean."""

import pathlib

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.training.run import Run

_PLACE = "{split}"


def runs_of(run, splits):
    """The runs of some splits.

    Args:
        run: str. Path of a run, with `{split}` where the number of the split
            stands, such as `"runs/rgb-{split}"`; without, of a single split.
        splits: sequence of int.

    Returns:
        dict from split to `Run`, of those that have one.

    Raises:
        ValueError: if several splits share a path, none has a run, or a run
            was trained on another split: its training videos would be tested.
    """
    if len(splits) > 1 and _PLACE not in str(run):
        raise ValueError(
            "Each split is tested by a network that has not seen its test "
            "list. Expected a path of several runs, such as "
            f"{str(run).rstrip('123')}{_PLACE}. Received: {run} for splits "
            f"{tuple(splits)}"
        )
    paths = {
        split: pathlib.Path(str(run).replace(_PLACE, str(split)))
        for split in splits
    }
    runs = {
        split: Run.open(path)
        for split, path in paths.items()
        if path.exists() or len(paths) == 1
    }
    if not runs:
        raise ValueError(
            "Expected the directories of runs. Received: "
            f"{', '.join(map(str, paths.values()))}, which do not exist"
        )
    for split, found in runs.items():
        trained_on = found.recipe.data.split
        if trained_on != split:
            raise ValueError(
                f"Expected a run of split {split}. Received: {found.path}, "
                f"which was trained on split {trained_on}"
            )
    return runs


def mean_summary(scores):
    """The figures of the papers' tables: means over splits.

    Args:
        scores: sequence of `Scores`, one a split.

    Returns:
        dict as `metrics.summary` gives it.
    """
    figures = [metrics.summary(one) for one in scores]
    return {
        name: float(np.mean([figure[name] for figure in figures]))
        for name in figures[0]
    }
