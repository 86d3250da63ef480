"""How a network is asked for the logits of a video, snippets or clips."""

import math

import keras
import numpy as np

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.data.clips.reader import WHOLE_FRAMES

# Snippets in one call of the device: bounds the memory of the activations.
SNIPPETS_A_CALL = 64


class SnippetScorer:
    """Averages the logits of the snippets of a clip.

    The frame-wise protocol of the papers: each snippet (each crop of each
    segment) is classified alone and the logits are averaged, whatever
    consensus the network was trained with.
    """

    def __init__(self, model):
        self._model = snippet_logits_model(model)
        # A network built for a fixed number of segments takes just these.
        self._num_segments = keras.tree.flatten(self._model.input)[0].shape[1]

    def __call__(self, clip):
        """Mean logits, float32 `(classes,)`, of a clip: uint8 `(num_snippets,
        height, width, channels)`, or a dict of these by modality."""
        return self.logits(clip).mean(axis=0)

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
    """Averages the logits of the clips of a video.

    Each clip (each crop of each run of `num_segments`) is classified as a
    whole, its segments together and in order, and the logits are averaged over
    the clips.
    """

    def __init__(self, model, num_segments):
        self._model = clip_logits_model(inference_model(model))
        self._num_segments = num_segments

    def __call__(self, clips):
        """Mean logits, float32 `(classes,)`, of a video: uint8 `(num_clips *
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
        return _logits(self._model, clips, shape).mean(axis=0)


def make(model, num_segments, crops):
    """From the snippets of a video, as `data.clips.reader.read_test_clip` gives
    them, to its mean logits: a `ClipScorer` or `SnippetScorer`.

    A network that sees its segments in order (`ClipSpec.ordered`) is shown
    whole clips, any other single snippets.

    Raises:
        ValueError: if the model was built for clips of another length, or for
            frames of one size and is to see whole ones.
    """
    length = length_of_clips(model)
    if length not in (None, num_segments):
        raise ValueError(
            "The network was built for clips of a fixed length. Expected "
            f"num_segments={length}. Received: num_segments={num_segments}"
        )
    for clip in keras.tree.flatten(model.input):
        if crops in WHOLE_FRAMES and None not in clip.shape[2:4]:
            raise ValueError(
                "Whole frames have many sizes. Expected a network that was "
                "built for any height and width, or crops of one size. "
                f"Received: crops={crops!r}, input {clip.name!r} of shape "
                f"{tuple(clip.shape)}"
            )
    if _is_ordered(model):
        return ClipScorer(model, num_segments)
    return SnippetScorer(model)


def clip_spec_of(model):
    """The `ClipSpec` of a network; a `ValueError` if it has none."""
    spec = describe(model).clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network that knows what it wants to see. "
            f"Received: model={model.name!r} without a clip specification"
        )
    return spec


def check_sees_videos(model):
    """The `ClipSpec` of a network whose inputs are clips of pixels.

    Raises:
        ValueError: if the model holds no clip specification, or sees features.
    """
    spec = clip_spec_of(model)
    for clip in keras.tree.flatten(model.input):
        if len(clip.shape) != 5:
            raise ValueError(
                f"Expected a network that sees videos. Received: model="
                f"{model.name!r}, which sees features of them. `vidrec join` "
                "makes one that sees videos of it and the networks that make "
                "the features."
            )
    return spec


def length_of_clips(model):
    """How many segments each clip must have: `None` if any number will do, as
    it always does where single snippets are classified."""
    if not _is_ordered(model):
        return None
    return keras.tree.flatten(model.input)[0].shape[1]


def _is_ordered(model):
    spec = describe(model).clip_spec
    return spec is not None and spec.ordered


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
