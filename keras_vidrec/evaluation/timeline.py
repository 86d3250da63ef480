"""The classes of the windows of a long video."""

import bisect
import collections
import dataclasses
import json
import os

import numpy as np

from keras_vidrec.specs import files
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos.video import VideoError


class TooShort(VideoError):
    """A video that is shorter than a window."""

    def __str__(self):
        path, problem = self.args
        return f"The video {os.fspath(path)!r} is too short: {problem}"


@dataclasses.dataclass(frozen=True)
class WindowPrediction:
    """Classes of one window of a video.

    Attributes:
        start: float. Start in seconds of the video, as given by its stream,
            rounded to microseconds.
        end: float. End, likewise.
        probabilities: float64 array `(classes,)`.
        present: `None`, or tuple of bool for a network with several labels per
            clip: for each class, whether its probability reaches its threshold.
    """

    start: float
    end: float
    probabilities: np.ndarray
    present: tuple | None = None


def _middle(window: WindowPrediction) -> float:
    return (window.start + window.end) / 2


class Timeline:
    """Classes of the windows of a video.

    Args:
        video: str. Path of the video, or name of the camera.
        classes: sequence of str. Names of the classes.
        windows: sequence of `WindowPrediction`, at least one, in temporal
            order. More may be appended to the attribute.
    """

    def __init__(self, video, classes, windows):
        self.video = video
        self.classes = tuple(classes)
        self.windows = list(windows)

    @property
    def probabilities(self):
        """The probabilities as a float64 array `(windows, classes)`."""
        return np.array([window.probabilities for window in self.windows])

    def best(self, window, top=1):
        """Returns the `top` most probable classes of a window as a list of
        `(class, probability)`, the most probable first."""
        order = np.argsort(-window.probabilities, kind="stable")[:top]
        return [
            (self.classes[i], float(window.probabilities[i])) for i in order
        ]

    def present(self, window):
        """Returns the classes that are present in a window, the most probable
        first, as a list of str; `None` for a network with one label per
        clip."""
        if window.present is None:
            return None
        order = np.argsort(-window.probabilities, kind="stable")
        return [self.classes[i] for i in order if window.present[i]]

    def at(self, seconds):
        """Returns the `WindowPrediction` whose middle is nearest to a time."""
        after = bisect.bisect(self.windows, seconds, key=_middle)
        near = self.windows[max(after - 1, 0) : after + 1]
        return min(near, key=lambda window: abs(_middle(window) - seconds))

    def save_csv(self, path):
        """Writes a CSV file atomically, with a row for each window: start and
        end in seconds, the most probable class, its probability, the classes
        that are present (separated by `;`; only with several labels per clip),
        and the probability of each class.
        """
        several = any(window.present is not None for window in self.windows)
        header = ["start", "end", "class", "probability"]
        header += [*["present"] * several, *self.classes]
        rows = (
            [
                f"{window.start:.3f}",
                f"{window.end:.3f}",
                name,
                f"{probability:.6f}",
                *["; ".join(self.present(window) or ())] * several,
                *(f"{p:.6f}" for p in window.probabilities),
            ]
            for window in self.windows
            for name, probability in self.best(window)
        )
        files.write_table(path, header, rows)

    def save_json(self, path, segments=()):
        """Writes a JSON object atomically: `video`, `classes`, `windows`, each
        with `start`, `end`, `class`, `probability`, `probabilities` and, with
        several labels per clip, `present`; and `segments`, each as
        `Segment.to_dict` returns it.

        Args:
            path: path of the file.
            segments: sequence of `segments.Segment`, merged from the windows.
                Defaults to `()`.
        """
        windows = []
        for window in self.windows:
            present = self.present(window)
            shown = {} if present is None else {"present": present}
            ((name, probability),) = self.best(window)
            windows.append(
                {
                    "start": window.start,
                    "end": window.end,
                    "class": name,
                    "probability": probability,
                    **shown,
                    "probabilities": window.probabilities.tolist(),
                }
            )
        content = {
            "video": self.video,
            "classes": self.classes,
            "windows": windows,
            "segments": [segment.to_dict() for segment in segments],
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        files.write_text(path, text + "\n")


def scan(stream, windows, clip, score):
    """Classifies the windows of a stream in constant memory.

    All windows are complete, so the last frames of a video, fewer than a
    stride, may be in no window. If frames are missing, such as skipped frames
    of a camera, a new window starts after the gap, so no window has a gap.

    Args:
        stream: `FileStream` or `CameraStream`.
        windows: `Windows`.
        clip: `MovingClip`, to which the frames are added.
        score: `SharedSnippets` or `WholeWindows` of the same clip.

    Yields:
        `(seconds, logits)` of each window: the time of its first frame, and an
        array `(classes,)`.

    Raises:
        VideoError: if the stream cannot be read, or is shorter than a window.
    """
    begun = collections.deque()
    length = windows.num_frames
    expected = num_frames = 0
    found = False
    base = number = 0
    for index, seconds, frame in stream.frames(length):
        num_frames += 1
        if index != expected:
            base, number = index, 0
            begun.clear()
            _drop_before(index, clip, score)
        expected = index + 1
        if index == base + windows.start(number):
            begun.append((index, seconds))
            number += 1
        needed = {
            modality
            for start, _ in begun
            for modality in windows.needs(index - start)
        }
        if needed:
            clip.add(index, frame, needed)
        if begun and index - begun[0][0] == length - 1:
            found = True
            start, begin = begun.popleft()
            yield begin, score(start)
            _drop_before(begun[0][0] if begun else index + 1, clip, score)
    if not found:
        raise TooShort(
            stream.name,
            f"it has {counted(num_frames, 'frame')}, "
            f"{num_frames / stream.frame_rate:.2f} "
            f"s, and a window has {length}, {length / stream.frame_rate:.2f} "
            "s. Choose a shorter window.",
        )


def _drop_before(index, clip, score):
    clip.drop_before(index)
    score.drop_before(index)
