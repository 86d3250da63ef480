"""What a report reads of a run beside its scores: what is lost or damaged of
it is no reason not to report."""

import collections
import logging
import pathlib
import shlex

from keras_vidrec.data import opening
from keras_vidrec.specs import documents

logger = logging.getLogger("keras_vidrec")


def training_videos(run):
    """How many videos of each class a run was trained on; `None`, or nothing,
    where that is not known."""
    try:
        videos = run and run.videos
    except ValueError as error:
        logger.warning("No accuracies of rare classes: %s", error)
        return None
    # A video of several classes has no number of its own.
    labels = (video.label for video in videos.train) if videos else ()
    return collections.Counter(x for x in labels if isinstance(x, str))


def open_dataset(recipe, data):
    """The source of a recipe's dataset, or `None` and why there is none."""
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
        opened = opening.open_images(data or recipe.data.directory, **arguments)
    except (OSError, ValueError) as error:
        if data is not None:
            raise
        return None, f"No frames are shown: {error}"
    return opened.source, ""


def environment(path):
    """What the last start of a run ran on, in words; nothing if that is not
    known."""
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
        return {}  # none, or damaged: no reason not to report
