"""The worst mistakes of a test, with frames of their videos."""

import dataclasses

import cv2
import numpy as np
import tqdm

from keras_vidrec.data.preparing.video import encode_jpeg
from keras_vidrec.flow import codec
from keras_vidrec.reporting.tables import Table
from keras_vidrec.specs import FlowSpec
from keras_vidrec.videos.video import VideoError
from keras_vidrec.visualization.snippet_images import full_color

# Pairs of classes, and mistakes of each.
_PAIRS = 8
_MISTAKES = 2
# Frames of a video, their height in pixels, and JPEG's quality.
NUM_FRAMES = 6
_HEIGHT = 112
_QUALITY = 80


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
class Frames:
    """Some frames of a video.

    Args:
        images: tuple of pairs: number of the frame from 0, and its JPEG as
            bytes. Empty if there is none.
        problem: str. Why there is none, or empty.
    """

    images: tuple = ()
    problem: str = ""


def worst_mistakes(scores, pair, most):
    """The mistakes of a pair of classes, the most certain first."""
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


def show(scores, pairs, source=None, verbose=True):
    """The worst mistakes of the most confused pairs, which come the most
    frequent first.

    Returns:
        List of pairs: `tables.Pair`, and a list of pairs of `Mistake` and
        its `Frames`, `None` without a source.
    """
    worst = [
        (pair, worst_mistakes(scores, pair, _MISTAKES))
        for pair in pairs[:_PAIRS]
    ]
    progress = tqdm.tqdm(
        desc="frames",
        total=sum(len(mistakes) for _, mistakes in worst),
        unit="video",
        # None: shown on a terminal
        disable=None if verbose and source else True,
    )

    def frames(mistake):
        if source is None:
            return None
        progress.update()
        return read(source, scores.videos[mistake.video])

    with progress:
        return [
            (pair, [(mistake, frames(mistake)) for mistake in mistakes])
            for pair, mistakes in worst
        ]


def table(shown, scores):
    """The numbers of the mistakes that `show` gave."""
    return Table(
        ("video", "class", "taken_for", "margin", "place_of_class"),
        tuple(
            (
                scores.videos[mistake.video],
                scores.classes[pair.label],
                scores.classes[pair.taken_for],
                mistake.margin,
                mistake.rank,
            )
            for pair, mistakes in shown
            for mistake, _ in mistakes
        ),
    )


def note(source):
    """What the frames of a source are, where they are no frames."""
    if _modality(source).startswith("rgb"):
        return ""
    return (
        "The dataset contains flow but no frames: the hue is the direction, "
        "and the largest motion of a video has full color."
    )


def _modality(source):
    return "rgb" if "rgb" in source.modalities else source.modalities[0]


def read(source, name):
    """Frames of a video, evenly spread over it."""
    if name not in source.videos:
        return Frames(problem="Not in the dataset.")
    index = source.videos.index(name)
    modality = _modality(source)
    try:
        number = source.num_frames(index, modality)
        if not number:
            return Frames(problem="Too short to have flow.")
        wanted = (np.arange(NUM_FRAMES) + 0.5) * number / NUM_FRAMES
        wanted = np.unique(wanted.astype(int))[:number].tolist()
        images = source.read(index, modality, wanted)
    except (VideoError, OSError) as error:
        return Frames(problem=str(error))
    pictures = _to_pictures(images, modality, source.flow)
    return Frames(tuple(zip(wanted, map(_to_jpeg, pictures))))


def _to_pictures(images, modality, flow):
    if modality.startswith("rgb"):
        return images
    # Folders do not say how their flow was coded: then as is usual.
    flow = codec.decode(images, (flow or FlowSpec()).bound)
    return codec.to_picture(flow, full_color(flow))


def _to_jpeg(picture):
    height, width = picture.shape[:2]
    width = max(round(width * _HEIGHT / height), 1)
    way = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_LINEAR
    picture = cv2.resize(picture, (width, _HEIGHT), interpolation=way)
    return encode_jpeg(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _QUALITY)
