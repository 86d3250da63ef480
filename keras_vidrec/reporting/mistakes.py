"""The worst mistakes of a test, with frames of their videos."""

import dataclasses

import cv2
import numpy as np

from keras_vidrec.data.preparing.prepared_video import encode_jpeg
from keras_vidrec.flow import codec
from keras_vidrec.specs.clip_spec import FlowSpec
from keras_vidrec.videos.video import VideoError

# Frames of a strip, their height in pixels, and JPEG's quality.
NUM_FRAMES = 6
_HEIGHT = 112
_QUALITY = 80
# Flow in full color, in pixels: where nothing moves noise stays pale.
_LEAST_FULL_COLOR = 1.0


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A video that was taken for another class.

    Args:
        video: int. Its row in the scores.
        margin: float. By how much the score of the wrong class is above that
            of its own.
        rank: int. Place of its own class among the scores, from 2.
    """

    video: int
    margin: float
    rank: int


@dataclasses.dataclass(frozen=True)
class Strip:
    """Some frames of a video.

    Args:
        frames: tuple of pairs: number of the frame from 0, and its JPEG as
            bytes. Empty if there is none.
        problem: str. Why there is none, or empty.
    """

    frames: tuple = ()
    problem: str = ""


def worst_mistakes(scores, pair, most):
    """The mistakes of a pair of classes, the most certain first.

    Args:
        scores: `Scores`.
        pair: `report_tables.Pair`.
        most: int. How many at most.

    Returns:
        List of `Mistake`.
    """
    values = scores.scores
    rows = np.flatnonzero(
        (scores.labels == pair.label)
        & (values.argmax(axis=1) == pair.taken_for)
    )
    own = values[rows, pair.label]
    margins = values[rows, pair.taken_for] - own
    ranks = 1 + (values[rows] > own[:, None]).sum(axis=1)
    # Equal scores go to the earlier class.
    ranks += (
        (values[rows] == own[:, None])
        & (np.arange(values.shape[1]) < pair.label)
    ).sum(axis=1)
    order = np.argsort(-margins, kind="stable")[:most]
    return [
        Mistake(int(rows[i]), float(margins[i]), int(ranks[i])) for i in order
    ]


def modality_of(source):
    """What the strips of a source show: its frames, or flow in colors where
    it holds nothing else.

    Args:
        source: a `Source`.

    Returns:
        str, one of its modalities.
    """
    return "rgb" if "rgb" in source.modalities else source.modalities[0]


def read(source, name):
    """Frames of a video, evenly spread over it.

    Args:
        source: a `Source`.
        name: str. The video.

    Returns:
        `Strip`.
    """
    if name not in source.videos:
        return Strip(problem="Not in the dataset.")
    index = source.videos.index(name)
    modality = modality_of(source)
    try:
        number = source.num_frames(index, modality)
        if not number:
            return Strip(problem="Too short to have flow.")
        wanted = (np.arange(NUM_FRAMES) + 0.5) * number / NUM_FRAMES
        wanted = np.unique(wanted.astype(int))[:number].tolist()
        images = source.read(index, modality, wanted)
    except (VideoError, OSError) as error:
        return Strip(problem=str(error))
    pictures = _to_pictures(images, modality, source.flow)
    return Strip(tuple(zip(wanted, map(_to_jpeg, pictures))))


def _to_pictures(images, modality, flow):
    if modality.startswith("rgb"):
        return images
    # Folders do not tell how their flow was coded: then as is usual.
    flow = codec.decode(images, (flow or FlowSpec()).bound)
    longest = float(np.hypot(flow[..., 0], flow[..., 1]).max(initial=0))
    return codec.to_picture(flow, max(longest, _LEAST_FULL_COLOR))


def _to_jpeg(picture):
    height, width = picture.shape[:2]
    width = max(round(width * _HEIGHT / height), 1)
    way = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_LINEAR
    picture = cv2.resize(picture, (width, _HEIGHT), interpolation=way)
    return encode_jpeg(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _QUALITY)
