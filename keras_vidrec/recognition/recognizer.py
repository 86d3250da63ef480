"""A trained network as one object."""

import collections.abc
import glob
import itertools
import os
import pathlib
import tempfile
import typing

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
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.recognition import fitting
from keras_vidrec.recognition.evaluation import Evaluation
from keras_vidrec.recognition.predictions import Predictions
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.training import loading
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.visualization import embedding
from keras_vidrec.visualization import grad_cam

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure


class Recognizer:
    """A trained network, for prediction, tests, explanation and export.

    Args:
        model: keras.Model of this package with class scores. `from_run` and
            `from_preset` load one.
        source: `None`, or what it was loaded from: the path of a run or of a
            `.keras` file, or the name of a published network. Defaults to
            `None`.

    Attributes:
        model, source: as given.
        classes: tuple of str.

    Raises:
        ValueError: if the input of the network is not videos.

    Example:

    ```python
    recognizer = keras_vidrec.Recognizer.from_run("run")
    recognizer.predict("clips/*.mp4", top=3)
    ```
    """

    def __init__(
        self,
        model: keras.Model,
        source: str | os.PathLike[str] | None = None,
    ) -> None:
        self.model, self.source = model, source
        self._predictor = Predictor(model)
        self.classes = self._predictor.classes

    @classmethod
    def from_run(cls, path: str | pathlib.Path) -> "Recognizer":
        """Loads the network of a run, or a `.keras` file.

        Raises:
            ValueError: if there is no trained network.
        """
        return cls(loading.recognizer(pathlib.Path(path)), path)

    @classmethod
    def from_preset(
        cls,
        name: str,
        file: str
        | os.PathLike[str]
        | collections.abc.Mapping[str, str | os.PathLike[str]]
        | None = None,
    ) -> "Recognizer":
        """Loads a published network; for `name` and `file` see
        `keras_vidrec.load`.

        Raises:
            ValueError: if there is no such network, or its file cannot be
                downloaded.
        """
        return cls(loading.recognizer(name, file), name)

    @classmethod
    def from_model(cls, model: keras.Model) -> "Recognizer":
        """Uses a network in memory."""
        return cls(model)

    @property
    def name(self) -> str:
        """The name of the network, followed by its source in parentheses: the
        last two parts of the path, or the name of the preset."""
        if self.source is None:
            return self.model.name
        shown = loading.preset_of(self.source)
        if shown is None:
            parts = pathlib.Path(self.source).absolute().parts[-2:]
            shown = pathlib.PurePath(*parts).as_posix()
        return f"{self.model.name} ({shown})"

    def __repr__(self):
        shown = checks.shorten(", ".join(self.classes))
        return (
            f"Recognizer({self.model.name!r}, {len(self.classes)} classes: "
            f"{shown})"
        )

    def predict(
        self,
        videos: typing.Any,
        top: int = 5,
        *,
        fps: float | None = None,
        protocol: str | TestProtocol | None = None,
    ) -> Predictions:
        """Classifies videos with the network's test protocol.

        Args:
            videos: path or URL of a video file, a folder (all its videos), a
                pattern such as `"clips/*.mp4"`; uint8 array `(frames, height,
                width, 3)` of R G B, or `data.Frames`; an iterator of frames
                `(height, width, 3)`, which are those of one video; or an
                iterable of paths or arrays, also a `tf.data.Dataset`.
            top: int. The largest number of classes for each video. Defaults to
                `5`.
            fps: `None` (unknown), or float: frames per second of arrays.
                Defaults to `None`.
            protocol: `None` (the network's own test), or another, as for
                `evaluation.Predictor`. Defaults to `None`.

        Returns:
            `Predictions`, one for each video; an `Unread` for a video that
            cannot be read.

        Raises:
            ValueError: if there is no video in a folder or for a pattern, or an
                array is not one of frames.
        """
        checks.count("top", top)
        predictor = self._predictor
        if protocol is not None:
            predictor = Predictor(self.model, protocol)
        found = list(_videos(videos, fps))
        return Predictions(predictor.many(found, top), found)

    def windows(
        self,
        video: str | pathlib.Path,
        window: float = 2.0,
        stride: float = 1.0,
    ) -> collections.abc.Iterator[WindowPrediction]:
        """Classifies the windows of a long video, in constant memory.

        Args:
            video: path of a video file.
            window: float. Length of a window in seconds. Defaults to `2.0`.
            stride: float. Seconds from window to window. Defaults to `1.0`.

        Yields:
            `evaluation.timeline.WindowPrediction`.

        Raises:
            ValueError, VideoError: as `evaluation.Predictor.windows`.
        """
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
            protocol: `None` (the network's own test), or another. Defaults to
                `None`.
            settings: sequence of str: `"data.key=value"`, such as
                `"data.split=2"`. Defaults to `()`.
            allow_leak: bool. Whether to allow videos that the network was
                trained on. Defaults to `False`.
            verbose: bool. Whether to show a progress bar. Defaults to `True`.

        Returns:
            `Evaluation`.

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

    def fit(
        self,
        data: str | os.PathLike[str] | collections.abc.Mapping[str, typing.Any],
        recipe: str
        | os.PathLike[str]
        | collections.abc.Mapping[str, typing.Any]
        | Recipe = "finetune_rgb",
        *,
        out: str | os.PathLike[str],
        callbacks: collections.abc.Sequence[keras.callbacks.Callback] = (),
        verbose: int | str = "auto",
    ) -> "Recognizer":
        """Trains the network again, on other videos and their classes.

        A network like this one is built for the classes of the data, with the
        same clips as input. The recipe determines everything else. If it starts
        from weights (`initialization.weights`), training starts from those of
        this network, which is saved beside the run in `OUT-start.keras`; the
        classifier is initialized randomly if the classes are different. If it
        starts at random, as `scratch` does, only the structure of this network
        is used.

        Args:
            data: path or URL of a dataset that `data.open_dataset` reads, such
                as a directory with one folder for each class; or a dict with
                keys of the section `data` of a recipe, such as `{"directory":
                "videos", "list": "list.csv"}`.
            recipe: a recipe, as for `training.train`. Of its sections `network`
                and `clip` only the rate of the dropout and the momentum of
                batch normalization are used. Defaults to `"finetune_rgb"`.
            out: path of the directory of the run. The same call resumes a run
                that was interrupted.
            callbacks: sequence of `keras.callbacks.Callback`, as for
                `training.train`. Defaults to `()`.
            verbose: as for `training.train`. Defaults to `"auto"`.

        Returns:
            `Recognizer` of the new run. This one is not changed.

        Raises:
            ValueError: if the network cannot be built again, for example
                because its backbone is a `keras.Model` of your own; or as
                `training.train`.

        Example:

        ```python
        recognizer = keras_vidrec.Recognizer.from_preset(
            "tsn_resnet50_kinetics400_8seg"
        )
        mine = recognizer.fit("my_videos", out="run")
        ```
        """
        # Imported here, because only training needs TensorFlow.
        from keras_vidrec.training import trainer

        where = pathlib.Path(out)
        chosen = fitting.recipe_of(
            self.model,
            recipes.get(recipe),
            data,
            where.with_name(f"{where.name}-start.keras"),
        )
        run = trainer.train(chosen, where, callbacks=callbacks, verbose=verbose)
        return type(self).from_run(run.path)

    def embed(
        self, videos: typing.Any, *, fps: float | None = None
    ) -> np.ndarray:
        """Computes features of videos (the input of the classifier), for
        comparing videos.

        Args:
            videos, fps: as for `predict`.

        Returns:
            float32 array `(videos, features)`.

        Raises:
            VideoError: if a video cannot be read.
        """
        spec = describe(self.model).clip_spec
        flow = spec.flow if spec else None
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

    def explain(
        self, video: str | pathlib.Path, class_name: str | None = None
    ) -> "Figure":
        """Draws the regions that support a class in a video (Grad-CAM).

        Args:
            video: path of a video file.
            class_name: `None` (the most probable class), or str. Defaults to
                `None`.

        Returns:
            matplotlib figure.

        Raises:
            ValueError: if there is no such class.
            VideoError: if the video cannot be read.
        """
        grad_cam.check(self.model, class_name)
        clip = grad_cam.read_clip(self.model, _path(video))
        found = grad_cam.explain(self.model, clip.images, class_name)
        return grad_cam.draw(clip, found)

    def export(
        self,
        out: str | pathlib.Path,
        format: str = "saved_model",
        *,
        precision: str = "float32",
        target: str = "server",
        max_loss: float = 1.0,
    ) -> float:
        """Exports the network, loads the export and compares its output, as
        `vidrec export` does.

        Args:
            out: path of the directory to write.
            format: str. `"saved_model"`, `"onnx"`, `"litert"`, `"openvino"` or
                `"torch"`. Defaults to `"saved_model"`.
            precision: str. `"float32"`; in `"onnx"`, `"litert"` and
                `"openvino"` also `"float16"` or `"int8"`. These are compared
                with float32 on videos of the run, so the network must be from a
                run (`from_run`) whose dataset still exists. Defaults to
                `"float32"`.
            target: str. The input of the export: `"server"` (any clips),
                `"phone"` or `"browser"` (one clip at a time, with a fixed
                number of segments and a fixed size). Defaults to `"server"`.
            max_loss: float in [0, 100]. Percentage points of accuracy that a
                precision other than float32 may cost. Defaults to `1.0`.

        Returns:
            float. The largest difference of a probability between the network
            and the export; for another precision than float32, between the
            float32 export and this one.

        Raises:
            ValueError: if the network cannot be exported in this form.
            RuntimeError: if the exported network differs, or another precision
                costs more than `max_loss`.
        """
        form = exports.checked_form(format, precision, target, max_loss)
        background = None
        if self.source is not None:
            background = exports.Background.of(self.source)
        return form.write(self.model, out, background)


def _path(video):
    """Returns a path, or raises a `ValueError` if it is not one."""
    checks.check(
        isinstance(video, (str, os.PathLike)),
        "video",
        "the path of a video file",
        type(video).__name__,
    )
    return video


def _videos(videos, fps):
    """Yields the videos of an argument `videos` as paths, URLs or `Frames`."""
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
    """Yields the videos of an iterator, as `_videos`."""
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
        if _is_array(video) and np.ndim(video) == 0:  # a path in a tensor
            yield from _at(os.fsdecode(np.asarray(video).item()))
        elif _is_array(video):
            yield Frames(np.asarray(video), fps, f"frames {number}")
        else:
            yield from _videos(video, fps)


def _is_array(value) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _at(place):
    """Yields the videos of a path, a folder, a pattern or a URL."""
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
        raise ValueError(
            f"Expected videos. Received: {place}, which contains none"
        )
    yield from found
