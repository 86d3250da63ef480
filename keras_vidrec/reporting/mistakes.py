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

# Number of pairs of classes that are shown, and of mistakes of each.
_PAIRS = 8
_MISTAKES = 2
# Number of frames of a video, their height in pixels, and quality as JPEG.
NUM_FRAMES = 6
_HEIGHT = 112
_QUALITY = 80


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A video for which a wrong class was predicted.

    Args:
        video: int. Row of the video in the scores.
        margin: float. Score of the wrong class minus the score of the true
            class.
        rank: int. Rank of the true class among the scores, at least 2.
    """

    video: int
    margin: float
    rank: int


@dataclasses.dataclass(frozen=True)
class Frames:
    """Some frames of a video.

    Args:
        images: tuple of pairs `(number, jpeg)`: number of the frame from 0,
            and the image as bytes. Empty if there are none. Defaults to none.
        problem: str. Why there are none, or `""`. Defaults to `""`.
    """

    images: tuple = ()
    problem: str = ""


def worst_mistakes(scores, pair, most):
    """Returns the mistakes of a pair of classes, the largest margin first.

    Args:
        scores: `Scores`.
        pair: `tables.Pair`.
        most: int. Largest number of mistakes.

    Returns:
        list of `Mistake`.
    """
    values = scores.scores
    rows = np.flatnonzero(
        (scores.labels == pair.label)
        & (values.argmax(axis=1) == pair.taken_for)
    )
    own = values[rows, pair.label]
    margins = values[rows, pair.taken_for] - own
    ranks = 1 + (values[rows] > own[:, None]).sum(axis=1)
    # Of equal scores, the one of the earlier class ranks higher.
    ranks += (
        (values[rows] == own[:, None])
        & (np.arange(values.shape[1]) < pair.label)
    ).sum(axis=1)
    order = np.argsort(-margins, kind="stable")[:most]
    return [
        Mistake(int(rows[i]), float(margins[i]), int(ranks[i])) for i in order
    ]


def show(scores, pairs, source=None, verbose=True):
    """Returns the worst mistakes of the most confused pairs of classes.

    Args:
        scores: `Scores`.
        pairs: sequence of `tables.Pair`, the most frequent first.
        source: `None`, or `Source` with the videos. Defaults to `None`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        list of tuples: `tables.Pair`, and a list of tuples of a `Mistake` and
        its `Frames` (`None` without a source).
    """
    worst = [
        (pair, worst_mistakes(scores, pair, _MISTAKES))
        for pair in pairs[:_PAIRS]
    ]
    progress = tqdm.tqdm(
        desc="frames",
        total=sum(len(mistakes) for _, mistakes in worst),
        unit="video",
        # None: the bar is shown on terminals only.
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
    """Returns a `Table` of the mistakes that `show` returned."""
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
    """Returns an explanation of the images of a source without frames; `""` if
    it has frames."""
    if _modality(source).startswith("rgb"):
        return ""
    return (
        "The dataset contains flow but no frames. The images show flow: the "
        "hue is the direction, and the largest motion of a video has full "
        "color."
    )


def _modality(source):
    return "rgb" if "rgb" in source.modalities else source.modalities[0]


def read(source, name):
    """Reads frames of a video, evenly distributed over it.

    Args:
        source: `Source`.
        name: str. Name of the video in the source.

    Returns:
        `Frames`; a video that cannot be read has a `problem`.
    """
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
    # It is not known how the flow of folders was coded: the default is assumed.
    flow = codec.decode(images, (flow or FlowSpec()).bound)
    return codec.to_picture(flow, full_color(flow))


def _to_jpeg(picture):
    height, width = picture.shape[:2]
    width = max(round(width * _HEIGHT / height), 1)
    way = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_LINEAR
    picture = cv2.resize(picture, (width, _HEIGHT), interpolation=way)
    return encode_jpeg(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _QUALITY)
