"""Predictions for videos, with representations for notebooks."""

import base64
import collections.abc
import html
import typing

import cv2
import numpy as np

from keras_vidrec.data.sources.frame_array import Frames
from keras_vidrec.evaluation.predictor import Prediction
from keras_vidrec.evaluation.predictor import Unread
from keras_vidrec.videos import video as videos
from keras_vidrec.videos.errors import VideoError

if typing.TYPE_CHECKING:
    import pandas

# The number of frames of a strip, and their height in pixels.
_STRIP = 6
_HEIGHT = 72


class Predictions(collections.abc.Sequence):
    """Predictions of videos, in their order. A notebook shows each with a strip
    of frames.

    Args:
        found: iterable of an `evaluation.Prediction` for each video, or an
            `Unread` for one that cannot be read.
        shown: sequence of the path, or the `data.Frames`, of each video, for
            the strips. Defaults to `()`, no strips.
    """

    def __init__(
        self,
        found: collections.abc.Iterable,
        shown: collections.abc.Sequence = (),
    ) -> None:
        self._found = tuple(found)
        self._shown = tuple(shown)

    def __len__(self) -> int:
        return len(self._found)

    @typing.overload
    def __getitem__(self, index: int) -> Prediction | Unread: ...

    @typing.overload
    def __getitem__(self, index: slice) -> "Predictions": ...

    def __getitem__(
        self, index: int | slice
    ) -> "Prediction | Unread | Predictions":
        if isinstance(index, slice):
            return Predictions(self._found[index], self._shown[index])
        return self._found[index]

    def __repr__(self):
        lines = []
        for one in self._found:
            lines.append(f"{one.video}: {_text(one)}")
        return "\n".join(lines) or "Predictions of no video"

    def _repr_html_(self):
        rows = []
        shown = self._shown or (None,) * len(self._found)
        for one, seen in zip(self._found, shown, strict=True):
            answer = html.escape(_text(one)).replace(", ", "<br>")
            rows.append(
                f"<tr><td>{html.escape(one.video)}<br>{_strip(seen)}</td>"
                f'<td style="text-align: left">{answer}</td></tr>'
            )
        return f"<table>{''.join(rows)}</table>"

    def to_dict(self) -> list:
        """Returns a list of the `to_dict()` of each prediction, data for
        JSON."""
        return [one.to_dict() for one in self._found]

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns a `pandas.DataFrame` with one row for each video and the
        columns `video`, `class`, `probability` and `error`. Class and
        probability are `None` for a video that cannot be read, else the error.

        Raises:
            ImportError: if pandas is not installed.
        """
        import pandas

        rows = []
        for one in self._found:
            is_read = isinstance(one, Prediction)
            rows.append(
                {
                    "video": one.video,
                    "class": one.classes[0] if is_read else None,
                    "probability": one.probabilities[0] if is_read else None,
                    "error": None if is_read else str(one.error),
                }
            )
        columns = ("video", "class", "probability", "error")
        return pandas.DataFrame(rows, columns=columns)


def _text(one) -> str:
    """A prediction as one line."""
    if isinstance(one, Unread):
        return f"not read ({one.error})"
    chances = ", ".join(
        f"{name} {100 * probability:.1f} %"
        for name, probability in zip(one.classes, one.probabilities)
    )
    if one.present is None:
        return chances
    shown = " and ".join(one.present) or "none of the classes"
    return f"shows {shown}: {chances}"


def _strip(seen) -> str:
    """Returns some frames side by side as an `<img>` element; `""` if they
    cannot be read (any more)."""
    try:
        frames = _frames(seen)
    except (VideoError, OSError):
        return ""
    if not len(frames):
        return ""
    height, width = frames.shape[1:3]
    size = (max(round(width * _HEIGHT / height), 1), _HEIGHT)
    strip = np.concatenate(
        [cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames],
        axis=1,
    )
    jpeg = cv2.imencode(".jpg", strip[..., ::-1])[1].tobytes()
    data = base64.b64encode(jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{data}">'


def _frames(seen):
    """Reads the frames of a strip: uint8 array `(frames, height, width, 3)`, of
    no frames for URLs and unknown videos."""
    if isinstance(seen, Frames):
        return seen.images[_places(len(seen.images))]
    if seen is None or "://" in str(seen):
        return np.empty((0, 0, 0, 3), np.uint8)
    count = videos.probe(seen).num_frames
    return videos.read_frames(seen, _places(count))


def _places(count: int) -> np.ndarray:
    """The indices of the frames of a strip, at equal distances."""
    return np.linspace(0, count - 1, _STRIP).round().astype(int)
