"""Computes the logits of a video, from snippets or clips."""

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
    """What of the views of a video is averaged.

    Args:
        views: function from logits `(..., classes)` to what is averaged.
        scores: function from the mean `(classes,)` to scores, whose softmax (or
            sigmoid, of several labels per video) are the probabilities of the
            video.
    """

    views: typing.Callable
    scores: typing.Callable


def _log(probabilities):
    # The logarithm of the smallest number stays finite where there is none.
    return np.log(np.maximum(probabilities, np.finfo("float64").tiny))


def _logit(probabilities):
    return _log(probabilities) - _log(1 - probabilities)


def average_of(model, averaged):
    """The `Average` of a network and of `TestProtocol.averaged`."""
    layer = predictions_layer(model)
    if averaged == "logits":
        return Average(lambda logits: logits, lambda mean: mean)
    return Average(layer.probabilities, _logit if layer.multi_label else _log)


class _Scorer:
    """What the scorers of this file share: `logits` of a clip, and what is
    averaged of them. All devices share the snippets, or clips, of a video."""

    def __init__(self, model, average):
        self._model = Replicas(model)
        self.average = average

    @property
    def num_devices(self):
        """int. Devices that compute at a time."""
        return self._model.num_devices

    def __call__(self, clip):
        """Scores, float32 `(classes,)`, of a video: uint8 `(num_snippets,
        height, width, channels)`, the segments of a clip together, or a dict
        of these by modality."""
        return _mean(self.logits(clip), self.average)

    def many(self, videos):
        """List of the scores of several videos of images of one size, as of a
        call, which the network sees together."""
        logits = self.logits(
            keras.tree.map_structure(
                lambda *images: np.concatenate(images), *videos
            )
        )
        # As many rows as it has snippets, or clips.
        sizes = np.cumsum([len(keras.tree.flatten(v)[0]) for v in videos])
        ends = sizes[:-1] * len(logits) // sizes[-1]
        return [_mean(rows, self.average) for rows in np.split(logits, ends)]


class SnippetScorer(_Scorer):
    """Averages what a network says of the snippets of a clip.

    The frame-wise protocol of the papers: each snippet (each crop of each
    segment) is classified alone and all are averaged, whatever consensus the
    network was trained with.

    Args:
        model: keras.Model of this package.
        averaged: as of `TestProtocol`.
    """

    def __init__(self, model, averaged="logits"):
        super().__init__(
            snippet_logits_model(model), average_of(model, averaged)
        )
        # A network built for a fixed number of segments takes just these.
        self._num_segments = keras.tree.flatten(self._model.input)[0].shape[1]

    def logits(self, clip):
        """Logits of each snippet: float32 `(num_snippets, classes)`."""
        num_snippets = len(keras.tree.flatten(clip)[0])
        fixed = self._num_segments or 1
        units = math.ceil(num_snippets / fixed)
        most = max(SNIPPETS_A_CALL // fixed, 1)
        group = equal_groups(units, most, self.num_devices)
        # Clips of as many segments as the network takes, or one of any number.
        shape = (group, fixed) if self._num_segments else (1, group)
        return _logits(self._model, clip, shape)


class ClipScorer(_Scorer):
    """Averages what a network says of the clips of a video.

    Each clip (each crop of each run of `num_segments`) is classified as a
    whole, its segments together and in order, and all are averaged.

    Args:
        model: keras.Model of this package.
        num_segments: int. Of a clip.
        averaged: as of `TestProtocol`.
    """

    def __init__(self, model, num_segments, averaged="logits"):
        super().__init__(
            clip_logits_model(inference_model(model)),
            average_of(model, averaged),
        )
        self._num_segments = num_segments

    def logits(self, clips):
        """Logits of each clip: float32 `(num_clips, classes)`."""
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
    """From the snippets of a video, as `data.clips.reader.read_test_clip` gives
    them, to its scores: a `ClipScorer` or `SnippetScorer`.

    A network that sees its segments in order (`ClipSpec.ordered`) is shown
    whole clips, any other single snippets.

    Args:
        model: keras.Model of this package.
        test: `TestProtocol`, completed.

    Raises:
        ValueError: if the model was built for clips of another length, or for
            frames of one size and is to see whole ones.
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
    """The `ClipSpec` of a network whose inputs are clips of pixels.

    Raises:
        ValueError: if the model holds no clip specification, or sees features.
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


def _mean(logits, average):
    mean = average.views(logits).mean(axis=0, dtype="float64")
    return average.scores(mean).astype("float32")


def equal_groups(number, most, devices=1):
    """How many go together: one shape for the devices, something for each, and
    few, if any, that are seen twice."""
    groups = max(math.ceil(number / most), min(devices, number))
    return math.ceil(number / groups)


def _logits(model, inputs, shape):
    """float32 logits `(rows, classes)` of the rows of inputs, which a
    `Replicas` takes in batches of a shape."""
    number = len(keras.tree.flatten(inputs)[0])
    group = math.prod(shape)

    def batch(start):
        # A last group that is too short begins again from the front, and the
        # surplus is cut off.
        rows = np.arange(start, start + group).reshape(shape) % number
        return keras.tree.map_structure(lambda images: images[rows], inputs)

    batches = map(batch, range(0, number, group))
    logits = [
        found.reshape(-1, found.shape[-1]) for found in model.each(batches)
    ]
    return np.concatenate(logits)[:number]
