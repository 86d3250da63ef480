"""Computes the scores of a video from the logits of its snippets or clips."""

import math
import typing

import keras
import numpy as np

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.data.clips.reader import WHOLE_FRAMES
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers.replicas import Replicas

# Snippets in one call of a device: bounds the memory of the activations.
SNIPPETS_A_CALL = 64


class Average(typing.NamedTuple):
    """How the views of a video are averaged.

    Attributes:
        views: function from logits `(..., classes)` to the values that are
            averaged, of the same shape.
        scores: function from the mean `(classes,)` to scores, whose softmax (or
            sigmoid, with several labels per video) gives the probabilities of
            the video.
    """

    views: typing.Callable
    scores: typing.Callable


def _log(probabilities: np.ndarray) -> np.ndarray:
    # Zeros become the smallest positive number, so the logarithm is finite.
    return np.log(np.maximum(probabilities, np.finfo("float64").tiny))


def _logit(probabilities: np.ndarray) -> np.ndarray:
    return _log(probabilities) - _log(1 - probabilities)


def average_of(model, averaged):
    """Returns the `Average` for a network and a value of
    `TestProtocol.averaged`."""
    layer = predictions_layer(model)
    if averaged == "logits":
        return Average(lambda logits: logits, lambda mean: mean)
    return Average(layer.probabilities, _logit if layer.multi_label else _log)


class _Scorer:
    """Base class of scorers, which define `logits`. The snippets or clips of a
    video are distributed over all devices.

    Args:
        model: keras.Model that computes logits.
        average: `Average`.
    """

    def __init__(self, model, average):
        self._model = Replicas(model)
        self.average = average

    @property
    def num_devices(self):
        """int. Number of devices that compute."""
        return self._model.num_devices

    def __call__(self, clip):
        """Returns the scores of a video, float32 `(classes,)`.

        Args:
            clip: uint8 array `(num_snippets, height, width, channels)`, in
                which the segments of a clip are adjacent, or dict of such
                arrays by modality.
        """
        return _mean(self.logits(clip), self.average)

    def many(self, videos):
        """Returns a list of the scores of several videos, which the network
        processes together. Their images must have the same size.

        Args:
            videos: sequence of clips as for a call.
        """
        logits = self.logits(
            keras.tree.map_structure(
                lambda *images: np.concatenate(images), *videos
            )
        )
        # Logits have one row per snippet, or per clip of several snippets.
        sizes = np.cumsum([len(keras.tree.flatten(v)[0]) for v in videos])
        ends = sizes[:-1] * len(logits) // sizes[-1]
        return [_mean(rows, self.average) for rows in np.split(logits, ends)]


class SnippetScorer(_Scorer):
    """Averages the scores of a network for the snippets of a video.

    This is the frame-wise protocol of the papers: each snippet (each crop of
    each segment) is classified separately, and the results are averaged,
    whatever consensus the network was trained with.

    Args:
        model: keras.Model of this package.
        averaged: as for `TestProtocol`. Defaults to `"logits"`.
    """

    def __init__(self, model, averaged="logits"):
        super().__init__(
            snippet_logits_model(model), average_of(model, averaged)
        )
        # None, or the number of segments that the network was built for.
        self._num_segments = keras.tree.flatten(self._model.input)[0].shape[1]

    def logits(self, clip):
        """Returns the logits of each snippet, float32 `(num_snippets,
        classes)`."""
        num_snippets = len(keras.tree.flatten(clip)[0])
        fixed = self._num_segments or 1
        units = math.ceil(num_snippets / fixed)
        most = max(SNIPPETS_A_CALL // fixed, 1)
        group = equal_groups(units, most, self.num_devices)
        # Clips of the network's fixed length, or one clip of any length.
        shape = (group, fixed) if self._num_segments else (1, group)
        return _logits(self._model, clip, shape)


class ClipScorer(_Scorer):
    """Averages the scores of a network for the clips of a video.

    Each clip (each crop of `num_segments` successive segments) is classified as
    a whole, with its segments in order, and the results are averaged.

    Args:
        model: keras.Model of this package.
        num_segments: int. Number of segments of a clip.
        averaged: as for `TestProtocol`. Defaults to `"logits"`.
    """

    def __init__(self, model, num_segments, averaged="logits"):
        super().__init__(
            clip_logits_model(inference_model(model)),
            average_of(model, averaged),
        )
        self._num_segments = num_segments

    def logits(self, clips):
        """Returns the logits of each clip, float32 `(num_clips, classes)`."""
        clips = keras.tree.map_structure(
            lambda images: images.reshape(
                -1, self._num_segments, *images.shape[1:]
            ),
            clips,
        )
        num_clips = len(keras.tree.flatten(clips)[0])
        most = max(SNIPPETS_A_CALL // self._num_segments, 1)
        shape = (equal_groups(num_clips, most, self.num_devices),)
        return _logits(self._model, clips, shape)


def make(model, test):
    """Returns the scorer of a network and a test.

    It computes the scores of a video from the result of
    `data.clips.reader.read_test_clip`. A network that processes its segments in
    order (`ClipSpec.ordered`) gets whole clips, any other single snippets.

    Args:
        model: keras.Model of this package.
        test: `TestProtocol` with all values set.

    Returns:
        `ClipScorer` or `SnippetScorer`.

    Raises:
        ValueError: if the model was built for clips of another length, or for
            frames of a fixed size although the test uses whole frames.
    """
    length = protocols.length_of_clips(model)
    if length not in (None, test.num_segments):
        raise ValueError(
            "The network was built for clips of a fixed length. Expected "
            f"num_segments={length}. Received: "
            f"num_segments={test.num_segments}"
        )
    for clip in keras.tree.flatten(model.input):
        if test.crops in WHOLE_FRAMES and None not in clip.shape[2:4]:
            raise ValueError(
                "Whole frames differ in size. Expected a network that was "
                "built for any height and width, or crops of one size. "
                f"Received: crops={test.crops!r}, input {clip.name!r} of "
                f"shape {tuple(clip.shape)}"
            )
    if protocols.clip_spec_of(model).ordered:
        return ClipScorer(model, test.num_segments, test.averaged)
    return SnippetScorer(model, test.averaged)


def check_sees_videos(model):
    """Checks that the inputs of a network are clips of pixels. Returns its
    `ClipSpec`.

    Raises:
        ValueError: if the model has no clip specification, or its inputs are
            features.
    """
    spec = protocols.clip_spec_of(model)
    for clip in keras.tree.flatten(model.input):
        if len(clip.shape) != 5:
            raise ValueError(
                f"Expected a network with video input. Received: model="
                f"{model.name!r}, whose input is features. `vidrec join` joins "
                "it with the networks that make the features."
            )
    return spec


def _mean(logits: np.ndarray, average: Average) -> np.ndarray:
    mean = average.views(logits).mean(axis=0, dtype="float64")
    return average.scores(mean).astype("float32")


def equal_groups(number, most, devices=1):
    """Returns the size of equal groups of items.

    All calls of a device then have the same shape, each device gets a group,
    and few items are computed twice to fill the last group.

    Args:
        number: int. Number of items.
        most: int. Maximum size of a group.
        devices: int. Number of devices. Defaults to `1`.
    """
    groups = max(math.ceil(number / most), min(devices, number))
    return math.ceil(number / groups)


def _logits(model: Replicas, inputs, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the logits of each row of inputs, an array `(rows, ...)` or a
    structure of such arrays, float32 `(rows, classes)`. `shape` is that of the
    leading axes of a batch."""
    number = len(keras.tree.flatten(inputs)[0])
    group = math.prod(shape)

    def batch(start):
        # The last batch is filled with rows from the beginning, whose logits
        # are dropped at the end.
        rows = np.arange(start, start + group).reshape(shape) % number
        return keras.tree.map_structure(lambda images: images[rows], inputs)

    batches = map(batch, range(0, number, group))
    logits = [
        found.reshape(-1, found.shape[-1]) for found in model.each(batches)
    ]
    return np.concatenate(logits)[:number]
