"""How a network is asked for the logits of a video, snippets or clips."""

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

# Snippets in one call of the device: bounds the memory of the activations.
SNIPPETS_A_CALL = 64


class Average(typing.NamedTuple):
    """What of the views of a video is averaged.

    Args:
        views: function from logits `(..., classes)` to what is averaged.
        scores: function from the mean `(classes,)` to scores, whose softmax
            (or sigmoid, of several labels a video) are the probabilities of
            the video.
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


class SnippetScorer:
    """Averages what a network says of the snippets of a clip.

    The frame-wise protocol of the papers: each snippet (each crop of each
    segment) is classified alone and all are averaged, whatever consensus the
    network was trained with.

    Args:
        model: keras.Model of this package.
        averaged: as of `TestProtocol`.
    """

    def __init__(self, model, averaged="logits"):
        self._model = snippet_logits_model(model)
        self.average = average_of(model, averaged)
        # A network built for a fixed number of segments takes just these.
        self._num_segments = keras.tree.flatten(self._model.input)[0].shape[1]

    def __call__(self, clip):
        """Scores, float32 `(classes,)`, of a clip: uint8 `(num_snippets,
        height, width, channels)`, or a dict of these by modality."""
        return _mean(self.logits(clip), self.average)

    def logits(self, clip):
        """Logits of each snippet: float32 `(num_snippets, classes)`."""
        num_snippets = len(keras.tree.flatten(clip)[0])
        fixed = self._num_segments or 1
        units = math.ceil(num_snippets / fixed)
        group = _equal_groups(units, max(SNIPPETS_A_CALL // fixed, 1))
        # Clips of as many segments as the network takes, or one of any number.
        shape = (group, fixed) if self._num_segments else (1, group)
        return _logits(self._model, clip, shape)


class ClipScorer:
    """Averages what a network says of the clips of a video.

    Each clip (each crop of each run of `num_segments`) is classified as a
    whole, its segments together and in order, and all are averaged.

    Args:
        model: keras.Model of this package.
        num_segments: int. Of a clip.
        averaged: as of `TestProtocol`.
    """

    def __init__(self, model, num_segments, averaged="logits"):
        self._model = clip_logits_model(inference_model(model))
        self._num_segments = num_segments
        self.average = average_of(model, averaged)

    def __call__(self, clips):
        """Scores, float32 `(classes,)`, of a video: uint8 `(num_clips *
        num_segments, height, width, channels)`, the segments of a clip
        together, or a dict of these by modality."""
        clips = keras.tree.map_structure(
            lambda images: images.reshape(
                -1, self._num_segments, *images.shape[1:]
            ),
            clips,
        )
        num_clips = len(keras.tree.flatten(clips)[0])
        most = max(SNIPPETS_A_CALL // self._num_segments, 1)
        shape = (_equal_groups(num_clips, most),)
        return _mean(_logits(self._model, clips, shape), self.average)


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
                "Whole frames have many sizes. Expected a network that was "
                "built for any height and width, or crops of one size. "
                f"Received: crops={test.crops!r}, input {clip.name!r} of shape "
                f"{tuple(clip.shape)}"
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
                f"Expected a network that sees videos. Received: model="
                f"{model.name!r}, which sees features of them. `vidrec join` "
                "makes one that sees videos of it and the networks that make "
                "the features."
            )
    return spec


def _mean(logits, average):
    mean = average.views(logits).mean(axis=0, dtype="float64")
    return average.scores(mean).astype("float32")


def _equal_groups(number, most):
    """How many go together: one shape for the device, and few, if any, that
    are classified twice."""
    return math.ceil(number / math.ceil(number / most))


def _logits(model, inputs, shape):
    """float32 logits `(rows, classes)` of the rows of inputs, which the model
    takes in batches of a shape."""
    number = len(keras.tree.flatten(inputs)[0])
    group = math.prod(shape)
    logits = []
    for start in range(0, number, group):
        # A last group that is too short begins again from the front, and the
        # surplus is cut off.
        rows = np.arange(start, start + group).reshape(shape) % number
        some = keras.tree.map_structure(
            lambda images, rows=rows: images[rows], inputs
        )
        found = model.predict_on_batch(some)
        logits.append(found.reshape(-1, found.shape[-1]))
    return np.concatenate(logits)[:number]
