"""A trained network and all that is done with it."""

import collections.abc
import dataclasses
import glob
import html
import itertools
import os
import pathlib
import tempfile

import keras
import numpy as np

from keras_vidrec import export as exports
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data.catalogs import video_content
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.frame_array import FrameArray
from keras_vidrec.data.sources.frame_array import Frames
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.recognition.predictions import Predictions
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.training import loading
from keras_vidrec.visualization import embedding
from keras_vidrec.visualization import grad_cam

FORMATS = {
    "saved_model": exports.export_saved_model,
    "onnx": exports.export_onnx,
    "litert": exports.export_litert,
    "openvino": exports.export_openvino,
    "torch": exports.export_torch,
}


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What came out of a test.

    Attributes:
        figures: dict of float in [0, 1] by name, as of `evaluation.summary`.
        scores: `evaluation.Scores` of the videos.
    """

    figures: dict
    scores: Scores = dataclasses.field(repr=False)

    def to_dict(self) -> dict:
        """The figures, and `videos`, how many were tested."""
        return {"videos": len(self.scores.videos), **self.figures}

    def _repr_html_(self):
        rows = "".join(
            f"<tr><td>{html.escape(name.replace('_', ' '))}</td>"
            f"<td>{100 * value:.2f} %</td></tr>"
            for name, value in self.figures.items()
        )
        return f"<table>{rows}</table>"


class Recognizer:
    """A trained network: it answers from videos, is tested, explained and
    exported.

    Args:
        model: keras.Model of this package with class scores. `from_run` and
            `from_preset` find one.

    Attributes:
        model: keras.Model.
        classes: tuple of str.

    Raises:
        ValueError: if the network does not see videos.

    Example:

    ```python
    recognizer = keras_vidrec.Recognizer.from_run("run")
    recognizer.predict("clips/*.mp4", top=3)
    ```
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._predictor = Predictor(model)
        self.classes = self._predictor.classes

    @classmethod
    def from_run(cls, path: str | pathlib.Path) -> "Recognizer":
        """That of a run, or of a `.keras` file.

        Raises:
            ValueError: if there is no trained network.
        """
        return cls(loading.recognizer(pathlib.Path(path)))

    @classmethod
    def from_preset(cls, name: str, file=None) -> "Recognizer":
        """That of a published network; `name` and `file` as of
        `keras_vidrec.load`.

        Raises:
            ValueError: if nothing is published by that name, or its file cannot
                be had.
        """
        return cls(loading.recognizer(name, file))

    @classmethod
    def from_model(cls, model: keras.Model) -> "Recognizer":
        """That of a network in memory."""
        return cls(model)

    def __repr__(self):
        shown = checks.shorten(", ".join(self.classes))
        return (
            f"Recognizer({self.model.name!r}, {len(self.classes)} classes: "
            f"{shown})"
        )

    def predict(
        self,
        videos,
        top: int = 5,
        *,
        fps: float | None = None,
        protocol: str | TestProtocol | None = None,
    ) -> Predictions:
        """Classifies videos, by the test that the network carries.

        Args:
            videos: path or URL of a video file, a folder (all its videos), a
                pattern such as `"clips/*.mp4"`; uint8 array `(frames, height,
                width, 3)` of R G B, or `data.Frames`; an iterator of frames
                `(height, width, 3)`, which are those of one video; or an
                iterable of paths or arrays, also a `tf.data.Dataset`.
            top: int. How many classes, at most. Defaults to `5`.
            fps: `None` (unknown), or float. Frames a second of arrays.
            protocol: `None` (the network's own test), or another, as of
                `evaluation.Predictor`.

        Returns:
            `Predictions`, one a video. A video that cannot be read is an
            `Unread` among them.

        Raises:
            ValueError: if a folder or a pattern has no video, or an array is
                of no frames.
        """
        checks.count("top", top)
        predictor = self._predictor
        if protocol is not None:
            predictor = Predictor(self.model, protocol)
        found = list(_videos(videos, fps))
        return Predictions(predictor.many(found, top), found)

    def windows(
        self, video: str | pathlib.Path, window=2.0, stride=1.0
    ) -> collections.abc.Iterator[WindowPrediction]:
        """Yields what happens when in a long video, as of
        `evaluation.Predictor.windows`; seconds."""
        stream = self._predictor.stream(_path(video))
        yield from self._predictor.windows(stream, window, stride)

    def evaluate(
        self,
        data: str | pathlib.Path,
        protocol: str | TestProtocol | None = None,
        *,
        settings: collections.abc.Sequence = (),
        allow_leak: bool = False,
        verbose: bool = True,
    ) -> Evaluation:
        """Tests the network on the test part of a dataset.

        Args:
            data: path of a dataset, see `data.open_dataset`.
            protocol: `None` (the network's own test), or another.
            settings: sequence of str: `"data.key=value"`, such as
                `"data.split=2"`.
            allow_leak: bool. Whether videos pass that the network was trained
                on. Defaults to `False`.
            verbose: bool. Whether to show a progress bar.

        Raises:
            ValueError: as `evaluation.evaluate`.
        """
        where = f"data.directory={str(data)!r}"
        with tempfile.TemporaryDirectory() as directory:
            _, scores = evaluator.evaluate_network(
                self.model,
                self.model.name,
                directory,
                protocol=protocol,
                settings=[where, *settings],
                allow_leak=allow_leak,
                verbose=verbose,
            )
        return Evaluation(metrics.summary(scores), scores)

    def embed(self, videos, *, fps: float | None = None) -> np.ndarray:
        """What the classifier sees of videos, to compare them by.

        Args:
            videos, fps: as of `predict`.

        Returns:
            float32 array `(videos, features)`.

        Raises:
            VideoError: if a video cannot be read.
        """
        flow = describe(self.model).clip_spec.flow
        features = []
        for video in _videos(videos, fps):
            is_array = isinstance(video, Frames)
            kind = FrameArray if is_array else SingleVideo
            source = kind(video, flow).seen_as(self._predictor.frame)
            _, (found,) = embedding.read_features(
                self.model, source, [0], verbose=False
            )
            features.append(found)
        return np.asarray(features, np.float32)

    def explain(self, video: str | pathlib.Path, class_name: str | None = None):
        """A matplotlib figure of where the network sees a class in a video, by
        Grad-CAM; the most probable class unless one is named.

        Raises:
            ValueError: if there is no such class.
            VideoError: if the video cannot be read.
        """
        grad_cam.check(self.model, class_name)
        clip = grad_cam.read_clip(self.model, _path(video))
        found = grad_cam.explain(self.model, clip.images, class_name)
        return grad_cam.draw(clip, found)

    def export(
        self, out: str | pathlib.Path, format: str = "saved_model"
    ) -> float:
        """Exports the network, reloads it and compares.

        Args:
            out: path of the directory to write.
            format: str. `"saved_model"`, `"onnx"`, `"litert"`, `"openvino"` or
                `"torch"`.

        Returns:
            float. By how much probabilities differ at most.

        Raises:
            ValueError: if the network cannot be written so.
        """
        checks.choice("format", format, tuple(FORMATS))
        return FORMATS[format](self.model, out)


def _path(video):
    checks.check(
        isinstance(video, (str, os.PathLike)),
        "video",
        "the path of a video file",
        type(video).__name__,
    )
    return video


def _videos(videos, fps):
    """Yields paths, addresses and `Frames`."""
    if isinstance(videos, Frames):
        yield videos
    elif isinstance(videos, (str, os.PathLike)):
        yield from _at(videos)
    elif _is_array(videos):
        yield Frames(np.asarray(videos), fps)
    else:
        checks.check(
            hasattr(videos, "__iter__"),
            "videos",
            "a path, an array of frames, or an iterable of these",
            videos,
        )
        yield from _each(iter(videos), fps)


def _each(videos, fps):
    first = next(videos, None)
    if first is None:
        return
    videos = itertools.chain([first], videos)
    if _is_array(first) and np.ndim(first) == 3:
        frames = [np.asarray(frame) for frame in videos]
        sizes = sorted({frame.shape for frame in frames})
        checks.check(
            len(sizes) == 1, "videos", "frames of one size", f"shapes {sizes}"
        )
        yield Frames(np.stack(frames), fps)
        return
    for number, video in enumerate(videos):
        if _is_array(video) and np.ndim(video) == 0:  # a name in a tensor
            yield from _at(os.fsdecode(np.asarray(video).item()))
        elif _is_array(video):
            yield Frames(np.asarray(video), fps, f"frames {number}")
        else:
            yield from _videos(video, fps)


def _is_array(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _at(place):
    """The videos of a path, a folder, a pattern or an address."""
    if storage.is_url(str(place)):
        yield str(place)
        return
    path = pathlib.Path(place)
    if path.is_dir():
        found = [path / name for name in video_tree.find_videos(path)]
    elif glob.has_magic(str(path)) and not path.exists():
        found = []
        for one in map(pathlib.Path, sorted(glob.glob(str(path)))):
            if one.is_dir():
                found += [one / name for name in video_tree.find_videos(one)]
            elif not video_content.has_other_suffix(one):
                found.append(one)
    else:
        found = [path]
    if not found:
        raise ValueError(f"Expected videos. Received: {place}, where none is")
    yield from found
