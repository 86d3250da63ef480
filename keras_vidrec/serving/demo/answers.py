"""What a run says of a video."""

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
    """What a run says of a video.

    Attributes:
        run: str. The name of the run.
        prediction: `evaluation.predictor.Prediction`, that of `vidrec
            predict`.
        timeline: `None`, or `Timeline` of the windows.
        segments: tuple of `Segment`: what the windows were merged into.
        remark: str. Why there is no timeline, or empty.
    """

    run: str
    prediction: Prediction
    timeline: Timeline | None = None
    segments: tuple = ()
    remark: str = ""


def ask(run, recognizer, video, window, top=5):
    """Asks a network about a video: yields an `Answer` as soon as there is one,
    and again with its timeline, or why there is none.

    Args:
        run: str. The name of the run.
        recognizer: `Recognizer`.
        video: `Taken`.
        window: float. Seconds; from window to window is half of it.
        top: int. Classes at most. Defaults to `5`.

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
        remark = f"It is shorter than a window of {window:g} s: there is no "
        yield dataclasses.replace(answer, remark=f"{remark}timeline.")
        return
    except VideoError as error:  # it has no frame rate, say
        remark = f"There is no timeline: {sentence(error, video.path)}"
        yield dataclasses.replace(answer, remark=remark)
        return
    merged = segments.merge(timeline.windows, timeline.classes)
    yield dataclasses.replace(answer, timeline=timeline, segments=merged)


def sentence(error, path=None):
    """An error as one line for the page, without the place of the file."""
    text = " ".join(str(error).split())
    if isinstance(error, VideoError):
        place = str(error.args[0])
        text = text.replace(place, pathlib.PurePath(place).name)
    elif path is not None:
        text = text.replace(str(path), path.name)
    if isinstance(error, (ValueError, OSError, RuntimeError)):
        return text
    # An unexpected error: the terminal has the rest.
    return f"Something went wrong, {type(error).__name__}: {text[:300]}"
