"""Writes a video with the predictions of a network."""

import collections.abc
import os
import pathlib

import av
import cv2
import numpy as np

from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.specs import files
from keras_vidrec.videos import video
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.videos.video_writer import VideoWriter
from keras_vidrec.visualization.contact_sheet import plain_text

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTERS = (255, 255, 255)
_BAR = (0, 114, 178)
# Height of a line of text as a share of the frame, and its minimum in pixels.
_LINE = 1 / 18
_LEAST_LINE = 10
# Brightness of the video behind the text.
_SHADE = 0.35


def check_path(path: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` if the path does not end in `.mp4`. To be called
    before predictions are computed."""
    if pathlib.Path(path).suffix.lower() != ".mp4":
        raise ValueError(
            "Cannot write a video of this kind. Expected a name that ends in "
            f".mp4. Received: {str(path)!r}"
        )


def write(
    timeline: Timeline,
    stream: FileStream,
    path: str | os.PathLike[str],
    top: int = 3,
) -> None:
    """Writes a copy of a video with its most probable classes and their
    probabilities, atomically and in constant memory.

    It has the frames of the file at their times, each with the classes of the
    window whose middle is nearest. It is H.264 in mp4 (MPEG-4 if FFmpeg cannot
    encode H.264), without sound; an odd height or width is increased by one
    pixel.

    Args:
        timeline: `Timeline` of the video.
        stream: `FileStream` of the video.
        path: path of the `.mp4` to write.
        top: int. Number of classes. Defaults to `3`.

    Raises:
        VideoError: if the video cannot be read.
        ValueError: if the path has another suffix.
        RuntimeError: if the copy cannot be written, or is incomplete.
    """
    check_path(path)
    with files.replacing(path) as temporary:
        num_frames = 0
        try:
            with VideoWriter(temporary) as writer:
                for begin, end, frame in _shown(stream):
                    window = timeline.at((begin + end) / 2)
                    frame = _even(draw(frame, timeline.best(window, top)))
                    writer.write(frame, begin)
                    num_frames += 1
        except av.FFmpegError as error:
            raise RuntimeError(
                f"Cannot write the video {str(path)!r}: {error.strerror}."
            ) from None
        _check(temporary, path, num_frames, frame.shape[:2])


def _shown(stream):
    """Yields `(begin, end, frame)` of each frame."""
    begin = frame = None
    step = 1 / stream.frame_rate
    for seconds, following in stream.own_frames():
        if frame is not None:
            yield begin, seconds, frame
            step = seconds - begin
        begin, frame = seconds, following
    yield begin, begin + step, frame


def draw(
    frame: np.ndarray, classes: collections.abc.Sequence[tuple[str, float]]
) -> np.ndarray:
    """Draws classes and their probabilities at the bottom of a frame.

    Args:
        frame: uint8 array `(height, width, 3)`, R G B.
        classes: sequence of `(class, probability)`.

    Returns:
        uint8 array of the same shape.
    """
    drawn = frame.copy()
    height, width, _ = drawn.shape
    line = max(round(height * _LINE), _LEAST_LINE)
    top = max(height - line * len(classes), 0)
    drawn[top:] = (drawn[top:] * _SHADE).astype(np.uint8)
    for row, (name, probability) in enumerate(classes):
        y = top + row * line
        end = (round(probability * width), y + line - 2)
        cv2.rectangle(drawn, (0, y + 1), end, _BAR, cv2.FILLED)
        cv2.putText(
            drawn,
            plain_text(f"{100 * probability:3.0f} % {name}"),
            (3, y + round(line * 0.72)),
            _FONT,
            line / 32,
            _LETTERS,
            lineType=cv2.LINE_AA,
        )
    return drawn


def _even(frame):
    """Returns a frame with an even height and width, as the codec needs."""
    height, width, _ = frame.shape
    return cv2.copyMakeBorder(
        frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
    )


def _check(written, path, num_frames, size):
    """Raises a `RuntimeError` if a written video is incomplete, for instance
    because the disk is full."""
    try:
        info = video.probe(written)
        found = info.num_frames, (info.height, info.width)
    except video.VideoError:
        found = 0, None
    if found != (num_frames, size):
        raise RuntimeError(
            f"Cannot write the video {str(path)!r}. Expected {num_frames} "
            f"frames of {size} pixels. Received: {found[0]} of {found[1]}. Is "
            "the disk full?"
        )
