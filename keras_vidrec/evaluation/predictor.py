"""Predictions for single video files."""

import collections.abc
import dataclasses
import logging
import math
import os
import typing

import keras
import numpy as np

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared.stores import UnknownAddress
from keras_vidrec.data.read_ahead import read_ahead
from keras_vidrec.data.sources.frame_array import Frames
from keras_vidrec.data.sources.moving_clip import MovingClip
from keras_vidrec.evaluation import origins
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation import timeline
from keras_vidrec.evaluation.scorers import scorer as scorers
from keras_vidrec.evaluation.scorers.windows import SharedSnippets
from keras_vidrec.evaluation.scorers.windows import WholeWindows
from keras_vidrec.evaluation.scorers.windows import Windows
from keras_vidrec.evaluation.shown import Reader
from keras_vidrec.evaluation.shown import Shown
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import TestProtocol
from keras_vidrec.videos.camera_stream import CameraStream
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.video import VideoError

logger = logging.getLogger("keras_vidrec")

# Maximum size in bytes of the clips that are read ahead of the network.
_AHEAD_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Classes of one video, the most probable first.

    Attributes:
        video: str. The path as given.
        classes: tuple of str.
        probabilities: tuple of float, as long as `classes`.
        health: `videos.Health` of the file.
        remarks: tuple of str. A message if the network was trained on it.
        present: `None`, or, of a network for several labels per video, tuple of
            str: the classes, of all of them, whose probability reaches their
            threshold, the most probable first.
    """

    video: str
    classes: tuple
    probabilities: tuple
    health: Health = dataclasses.field(repr=False)
    remarks: tuple = ()
    present: tuple | None = None

    def to_dict(self) -> dict:
        """Returns a dict of the attributes for JSON. Its `remarks` also contain
        those on `health`, such as frames that are cut off."""
        remarks = (*self.health.remarks, *self.remarks)
        return {**dataclasses.asdict(self), "remarks": remarks}


@dataclasses.dataclass(frozen=True)
class Unread:
    """The result for a video that cannot be read.

    Attributes:
        video: str. The path as given.
        error: the `VideoError`, the `OSError` of a file or an object store, or
            the `ValueError` of an unsupported URL.
    """

    video: str
    error: Exception

    def to_dict(self) -> dict:
        """Its JSON: `video`, and `error` as text."""
        return {"video": self.video, "error": str(self.error)}


class Predictor:
    """Classifies video files as `evaluate` does: with the network's test
    protocol, and with flow as in its clip specification.

    Args:
        model: keras.Model of this package.
        protocol: `None` (the network's own test), str, the name of another,
            as `specs.TestProtocol.named` takes it, or `TestProtocol`.
            Defaults to `None`.

    Attributes:
        classes: tuple of str. Their names, or their numbers if the network has
            no class names.
        test: `TestProtocol`, with all values set.
        frame: `FrameSpec`. How frames are sampled; streams for `windows` use
            its `fps` and `deinterlace`.
        reader: `shown.Reader` that reads the videos. It can also be used in
            another process.
        together: int, at least 1. Maximum number of videos that the network
            processes at a time.
        shares_snippets: bool. Whether overlapping windows share the network's
            outputs for their snippets, and not only the images.

    Raises:
        ValueError: if the model has no clip specification or no test, the test
            does not fit it, it was built for clips of another size or length,
            or its inputs are features.
    """

    def __init__(
        self, model: keras.Model, protocol: TestProtocol | str | None = None
    ) -> None:
        description = describe(model)
        self._model = model
        self.test, self._spec = protocols.of(model, protocol)
        scorers.check_sees_videos(model)
        reader.check_protocol(self._spec, self.test.crops, self.test.num_clips)
        self._layer = predictions_layer(model)
        num_classes = self._layer.output.shape[-1]
        self.classes = description.class_names or tuple(
            map(str, range(num_classes))
        )
        self.frame = self._spec.frame
        self.reader = Reader(self._spec, self.test)
        self.shares_snippets = (
            not self._spec.ordered and self.test.num_clips == 1
        )
        self._scorer = scorers.make(model, self.test)
        self._snippets = self.test.num_clips * self.test.num_segments
        self._snippets *= TEST_CROPS[self.test.crops]
        at_once = scorers.SNIPPETS_A_CALL * self._scorer.num_devices
        self.together = max(at_once // self._snippets, 1)

    def __call__(
        self, path: str | os.PathLike[str], top: int = 5
    ) -> Prediction:
        """Classifies one video.

        Args:
            path: path of a video file, or its URL, such as
                `"s3://bucket/clip.mp4"`; or `data.Frames` in memory.
            top: int. How many classes. Defaults to `5`.

        Returns:
            `Prediction`.

        Raises:
            VideoError: if the video cannot be read.
            OSError: if an object store refuses access.
        """
        shown = self._read(path)
        return self._prediction(shown, self._scorer(shown.clip), top)

    def many(
        self, videos: typing.Iterable, top: int = 5
    ) -> typing.Iterator[Prediction | Unread]:
        """Classifies many videos, faster than one by one: several threads
        decode while the network computes, and several videos are processed
        together if they have fewer than `scorers.scorer.SNIPPETS_A_CALL`
        snippets.

        Args:
            videos: iterable of values as for a call. It is read ahead, as far
                as videos are decoded ahead.
            top: int. How many classes. Defaults to `5`.

        Yields:
            `Prediction` of each video in order, equal to that of a call within
            rounding (1e-6); `Unread` for a video that cannot be read, which
            does not affect the others.
        """
        channels = sum(map(self._spec.channels, self._spec.modalities))
        each = self._snippets * self._spec.size**2 * channels
        ahead = _AHEAD_BYTES // each
        waiting = []
        with read_ahead(self._try, videos, min(max(ahead, 2), 32)) as shown:
            for one in shown:
                waiting.append(one)
                if len(waiting) == self.together:
                    yield from self.answers(waiting, top)
                    waiting = []
            yield from self.answers(waiting, top)

    def _read(self, video):
        shown = self.reader(video)
        if isinstance(video, Frames):
            return shown
        return dataclasses.replace(shown, remarks=self.remarks(video))

    def _try(self, video):
        try:
            return self._read(video)
        except (VideoError, OSError, UnknownAddress) as error:
            of_memory = isinstance(video, Frames)
            name = video.name if of_memory else storage.shown(video)
            return Unread(name, error)

    def answers(self, videos: typing.Sequence, top: int = 5) -> list:
        """Classifies some videos that have been read. The network processes
        videos with images of the same size together.

        Args:
            videos: sequence of `Shown`, as `reader` returns them. Other values
                in it are returned unchanged.
            top: int. How many classes. Defaults to `5`.

        Returns:
            List of `Prediction`, equal to those of a call within rounding
            (1e-6).
        """
        alike: dict[tuple, list[int]] = {}
        for number, shown in enumerate(videos):
            if isinstance(shown, Shown):
                images = keras.tree.flatten(shown.clip)
                sizes = tuple(one.shape[1:] for one in images)
                alike.setdefault(sizes, []).append(number)
        answers = list(videos)
        for numbers in alike.values():
            scores = self._scorer.many([videos[n].clip for n in numbers])
            for number, one in zip(numbers, scores):
                answers[number] = self._prediction(videos[number], one, top)
        return answers

    def _prediction(self, shown, scores, top):
        probabilities = self._probabilities(scores)
        order = np.argsort(-probabilities, kind="stable")
        best, present = order[:top], self._present(probabilities)
        return Prediction(
            shown.video,
            tuple(self.classes[i] for i in best),
            tuple(float(probabilities[i]) for i in best),
            shown.health,
            shown.remarks,
            present and tuple(self.classes[i] for i in order if present[i]),
        )

    def _present(self, probabilities):
        """Whether each class is present, as a tuple of bool; `None` for a
        network with one label per video.
        """
        if not self._layer.multi_label:
            return None
        return tuple(self._layer.present(probabilities).tolist())

    def remarks(self, path: str | os.PathLike[str]) -> tuple:
        """Returns the `remarks` of a `Prediction` of a video, as a tuple of
        str. Arguments and errors are those of a call."""
        return origins.remarks(self._model, storage.as_path(path))

    def stream(
        self, path: str | os.PathLike[str], frame_rate: float | None = None
    ) -> FileStream:
        """Returns the stream of frames of a video file, for `windows`.

        Args:
            path: as for `videos.FileStream`.
            frame_rate: as for `videos.FileStream`. Defaults to `None`.

        Raises:
            VideoError: if it cannot be read, or has no time stamps.
        """
        return FileStream(
            path, frame_rate, self.frame.fps, self.frame.deinterlace
        )

    def windows(
        self,
        stream: FileStream | CameraStream,
        window: float = 2.0,
        stride: float = 1.0,
    ) -> collections.abc.Iterator[WindowPrediction]:
        """Classifies the windows of a long or live video as it reads them, in
        constant memory.

        The prediction of a window equals that of a video of only its frames.
        Starts and lengths are chosen so that windows share snippets if
        possible, see `scorers.windows.Windows`. Each shared snippet is computed
        once; for networks that process their segments in order, and for tests
        of several clips, each window is computed separately.

        Args:
            stream: the result of `stream` for a file; or another
                `videos.FileStream`, or `CameraStream`, made with the `fps` and
                `deinterlace` of `frame`.
            window: float. Length of a window in seconds. Defaults to `2.0`.
            stride: float. Seconds from window to window. Defaults to `1.0`.

        Yields:
            `timeline.WindowPrediction`.

        Raises:
            ValueError: if the window or the stride is shorter than a frame, or
                the frames are not sampled as the network needs.
            VideoError: if the video cannot be read, or is shorter than a
                window.
        """
        self._check_taken(stream)
        windows = Windows(
            self._spec, stream.frame_rate, window, stride, self.test.num_clips
        )
        self._tell_few(windows)
        clip = MovingClip(self._spec, self.test.crops)
        kind = SharedSnippets if self.shares_snippets else WholeWindows
        score = kind(self._scorer, clip, windows)
        length = windows.num_frames / stream.frame_rate
        for start, logits in timeline.scan(stream, windows, clip, score):
            probabilities = self._probabilities(logits)
            yield timeline.WindowPrediction(
                round(start, 6),
                round(start + length, 6),
                probabilities,
                self._present(probabilities),
            )

    def _tell_few(self, windows):
        """Logs a warning if windows have so few frames that the test uses
        frames repeatedly."""
        wanted = self.test.num_clips * self.test.num_segments
        if windows.num_different <= wanted // 2:
            logger.warning(
                "A window of %d frames gives only %d different frames for "
                "the %d segments of the network's test: use longer windows "
                "or fewer segments.",
                windows.num_frames,
                windows.num_different,
                wanted,
            )

    def _check_taken(self, stream):
        """Raises an error if frames of a stream are sampled in another way than
        the network's."""
        wanted = self.frame
        fps = stream.frame_rate if wanted.fps is None else wanted.fps
        if stream.deinterlace != wanted.deinterlace or not math.isclose(
            stream.frame_rate, fps
        ):
            raise ValueError(
                f"Expected a stream of fps={wanted.fps} and "
                f"deinterlace={wanted.deinterlace!r}, as the network needs. "
                f"Received: {stream.frame_rate:g} frames a second, "
                f"deinterlace={stream.deinterlace!r}"
            )

    def _probabilities(self, scores):
        scores = scores.astype("float64") / self._layer.temperature
        return self._layer.probabilities(scores)
