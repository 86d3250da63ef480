"""Test clips of runs, to begin with."""

import dataclasses
import logging
import pathlib

import cv2

from keras_vidrec.training.run import Run
from keras_vidrec.videos import video as videos
from keras_vidrec.videos.errors import VideoError

logger = logging.getLogger("keras_vidrec")

_MOST = 8
# Names that a line lists.
_NAMED = 3
_HEIGHT = 96


@dataclasses.dataclass(frozen=True)
class Example:
    """A test clip of a run.

    Attributes:
        path: `pathlib.Path`.
        label: str. Its class.
        picture: uint8 array `(height, width, 3)`, R G B: its middle frame.
    """

    path: pathlib.Path
    label: str
    picture: object = dataclasses.field(repr=False)


def find(places, directory=None, most=_MOST):
    """The examples of runs: test clips whose files are there, one of each
    class first. Those that are not, or cannot be read, are named.

    Args:
        places: sequence of paths; what is no run has none.
        directory: `None` (where the run's recipe has its videos), or path of
            the directory that holds the videos under the names of the dataset.
            Defaults to `None`.
        most: int. How many. Defaults to `8`.

    Returns:
        tuple of `Example`.
    """
    found = {}
    for place in places:
        lists = _lists(place)
        if lists is None:
            continue
        run, videos_of_it = lists
        root = directory or run.recipe.data.directory
        missing = []
        for one in _by_turns(videos_of_it.test):
            if len(found) >= most:
                break
            path = pathlib.Path(root, one.name)
            if path in found:
                continue
            picture = _picture(path)
            if picture is None:
                missing.append(one.name)
                if len(missing) > most:  # the others will not be there either
                    break
            else:
                found[path] = Example(path, one.label, picture)
        if missing:
            _tell(missing, place, root)
    return tuple(found.values())


def _lists(place):
    """A run and its lists of videos, `None` if there is none."""
    path = pathlib.Path(place)
    if not (path / "recipe.yaml").is_file():
        return None
    run = Run.open(path)
    return None if run.videos is None else (run, run.videos)


def _by_turns(listed):
    """One of each class, then the second of each, and so on."""
    turns = {}
    order = []
    for place, one in enumerate(listed):
        turn = turns[one.label] = turns.get(one.label, -1) + 1
        order.append((turn, place))
    return [listed[place] for _, place in sorted(order)]


def _picture(path):
    """The middle frame of a video, small; `None` where it cannot be had."""
    if not path.is_file():
        return None
    try:
        count = videos.probe(path).num_frames
        (frame,) = videos.read_frames(path, [count // 2])
    except (VideoError, OSError):
        return None
    height, width, _ = frame.shape
    size = max(round(width * _HEIGHT / height), 1), _HEIGHT
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _tell(missing, place, root):
    listed = ", ".join(missing[:_NAMED]) + (", ..." if missing[_NAMED:] else "")
    logger.warning(
        "Test clips of %s that are no examples, because there is no video of "
        "that name in %s: %s. --videos names another directory.",
        place,
        root,
        listed,
    )
