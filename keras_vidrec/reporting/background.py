"""What a report reads from a run, apart from its scores. The report is written
without the parts that are missing or damaged."""

import collections
import logging
import pathlib
import shlex

from keras_vidrec.data import opening
from keras_vidrec.specs import documents

logger = logging.getLogger("keras_vidrec")


def training_videos(run):
    """Counts the training videos of each class; one of several classes is
    counted in each of them.

    Args:
        run: `None`, or `Run`.

    Returns:
        `collections.Counter` of the names of classes, empty if the run has no
        list of its videos; or `None`, with a warning, if that cannot be read.
    """
    try:
        videos = run and run.videos
    except ValueError as error:
        logger.warning("No accuracies of rare classes: %s", error)
        return None
    found = collections.Counter()
    for video in videos.train if videos else ():
        found.update(videos.names(video.label))
    return found


def open_dataset(recipe, data):
    """Opens the dataset that frames are shown from.

    Args:
        recipe: `None`, or `Recipe` of the network.
        data: `None` (the dataset of the recipe), or path of a dataset.

    Returns:
        Tuple of a `Source` and `""`; or of `None` and the reason, if there is
        no dataset or the recipe's dataset cannot be opened.

    Raises:
        ValueError, OSError: if `data` cannot be opened.
    """
    if data is None and (recipe is None or recipe.data.directory is None):
        return None, "No frames are shown: no dataset was named."
    arguments = {}
    if recipe is not None:
        arguments = {
            "layout": recipe.data.layout,
            "videos_list": recipe.data.list,
            "splits": recipe.data.split_files,
            "test_fraction": recipe.data.test_fraction,
            "background": recipe.data.background,
        }
    try:
        opened = opening.open_dataset(
            data or recipe.data.directory, **arguments, images_only=True
        )
    except (OSError, ValueError) as error:
        if data is not None:
            raise
        return None, f"No frames are shown: {error}"
    return opened.source, ""


def environment(path):
    """Describes the last start of a run.

    Args:
        path: `None`, or path of the `environment.json` of the run.

    Returns:
        dict of str by heading; empty if the file is missing or damaged.
    """
    try:
        noted = documents.read_json(pathlib.Path(path))
        start = noted["starts"][-1]
        versions = start["versions"].items()
        git = start["git"]
        changed = git and " with changes" if git and git["changes"] else ""
        return {
            "Seed": str(noted["seed"]),
            "Started": f"{start['time']}, start {len(noted['starts'])} of "
            "this run",
            "Command": shlex.join(map(str, start["command"])),
            "Versions": ", ".join(f"{k} {v}" for k, v in versions if v),
            "Backend": str(start["backend"]),
            "Devices": ", ".join(map(str, start["devices"])),
            "Platform": str(start["platform"]),
            "Code": f"commit {git['commit']}{changed}" if git else "installed",
        }
    except (
        AttributeError,
        IndexError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
    ):
        return {}
