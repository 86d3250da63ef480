"""Test clips of runs, as examples on the page."""

import dataclasses
import logging
import pathlib

import cv2

from keras_vidrec.training.run import Run
from keras_vidrec.videos import video as videos
from keras_vidrec.videos.errors import VideoError

logger = logging.getLogger("keras_vidrec")

_MOST = 8
# Number of missing videos that a warning names.
_NAMED = 3
_HEIGHT = 96


@dataclasses.dataclass(frozen=True)
class Example:
    """A test clip of a run.

    Attributes:
        path: `pathlib.Path` of the video.
        label: str. The class of the video.
        picture: uint8 array `(height, width, 3)`, R G B: the middle frame.
    """

    path: pathlib.Path
    label: str
    picture: object = dataclasses.field(repr=False)


def find(places, directory=None, most=_MOST):
    """Finds examples: test clips of runs whose files can be read, first one of
    each class. A warning names files that are missing or cannot be read.

    Args:
        places: sequence of paths. Paths that are not runs are ignored.
        directory: `None` (the directory in the recipe of the run), or path of
            the directory that contains the videos under their names in the
            dataset. Defaults to `None`.
        most: int. Largest number of examples. Defaults to `8`.

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
                if len(missing) > most:  # probably all of them are missing
                    break
            else:
                found[path] = Example(path, one.label, picture)
        if missing:
            _tell(missing, place, root)
    return tuple(found.values())


def _lists(place):
    """Returns a run and its lists of videos, or `None` if there is no run or it
    has no lists."""
    path = pathlib.Path(place)
    if not (path / "recipe.yaml").is_file():
        return None
    run = Run.open(path)
    return None if run.videos is None else (run, run.videos)


def _by_turns(listed):
    """Returns videos in another order: the first of each class, then the
    second of each class, and so on."""
    turns = {}
    order = []
    for place, one in enumerate(listed):
        turn = turns[one.label] = turns.get(one.label, -1) + 1
        order.append((turn, place))
    return [listed[place] for _, place in sorted(order)]


def _picture(path):
    """Returns the middle frame of a video, resized; `None` if it cannot be
    read."""
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
    """Logs a warning about videos of a run that are missing."""
    listed = ", ".join(missing[:_NAMED]) + (", ..." if missing[_NAMED:] else "")
    logger.warning(
        "Some test clips of %s are not shown as examples, because %s has no "
        "readable video of that name: %s. Use --videos to name another "
        "directory.",
        place,
        root,
        listed,
    )
