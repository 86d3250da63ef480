"""The predictions of a network for a video."""

import dataclasses
import pathlib

from keras_vidrec.evaluation import segments
from keras_vidrec.evaluation.predictor import Prediction
from keras_vidrec.evaluation.predictor import Unread
from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.evaluation.timeline import TooShort
from keras_vidrec.videos.errors import VideoError


@dataclasses.dataclass(frozen=True)
class Answer:
    """The predictions of a network for a video.

    Attributes:
        run: str. The name of the network.
        prediction: `evaluation.predictor.Prediction`, as in `vidrec predict`.
        timeline: `None`, or `Timeline` of the windows. Defaults to `None`.
        segments: tuple of `Segment`, made by merging windows. Defaults to
            none.
        remark: str. Why there is no timeline, or `""`. Defaults to `""`.
    """

    run: str
    prediction: Prediction
    timeline: Timeline | None = None
    segments: tuple = ()
    remark: str = ""


def ask(run, recognizer, video, window, top=5):
    """Applies a network to a video. Yields an `Answer` with the classes of the
    video, and then a second one with the timeline, or the reason why there is
    none.

    Args:
        run: str. The name of the network.
        recognizer: `Recognizer`.
        video: `Taken`.
        window: float. Seconds of a window. Windows start every `window / 2`
            seconds.
        top: int. Largest number of classes. Defaults to `5`.

    Raises:
        VideoError, OSError: if the video cannot be read.
    """
    (found,) = recognizer.predict([video.path], top)
    if isinstance(found, Unread):
        raise found.error
    answer = Answer(run, found)
    yield answer
    timeline = Timeline(video.name, recognizer.classes, [])
    try:
        for one in recognizer.windows(video.path, window, window / 2):
            timeline.windows.append(one)
    except TooShort:
        remark = (
            "There is no timeline: the video is shorter than a window of "
            f"{window:g} s."
        )
        yield dataclasses.replace(answer, remark=remark)
        return
    except VideoError as error:  # such as a video without a frame rate
        remark = f"There is no timeline: {sentence(error, video.path)}"
        yield dataclasses.replace(answer, remark=remark)
        return
    merged = segments.merge(timeline.windows, timeline.classes)
    yield dataclasses.replace(answer, timeline=timeline, segments=merged)


def sentence(error, path=None):
    """Returns an error as one line for the page, with the name of the file
    instead of its path.

    Args:
        error: exception.
        path: `None`, or `pathlib.Path` of the file, for errors other than
            `VideoError`. Defaults to `None`.
    """
    text = " ".join(str(error).split())
    if isinstance(error, VideoError):
        place = str(error.args[0])
        text = text.replace(place, pathlib.PurePath(place).name)
    elif path is not None:
        text = text.replace(str(path), path.name)
    if isinstance(error, (ValueError, OSError, RuntimeError)):
        return text
    # An unexpected error. Its traceback is logged.
    return f"Something went wrong, {type(error).__name__}: {text[:300]}"
