"""Logits of whole clips, whose segments a network sees in their order."""

import math

import keras
import numpy as np

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.evaluation.scorers.snippet_scorer import SNIPPETS_A_CALL


class ClipScorer:
    """Averages the logits of the clips of a video.

    Each clip (each crop of each run of segments) is classified as a whole,
    its segments together and in order, and the logits are averaged over the
    clips.

    Args:
        model: keras.Model of this package, ending in class scores.
        num_segments: int. Segments of a clip.
    """

    def __init__(self, model, num_segments):
        self._model = clip_logits_model(inference_model(model))
        self._num_segments = num_segments

    def __call__(self, clips):
        """Mean logits of a video.

        Args:
            clips: uint8 array `(num_clips * num_segments, height, width,
                channels)`, the segments of a clip together, or a dict of
                these by modality.

        Returns:
            float32 array `(classes,)`.
        """
        clips = keras.tree.map_structure(
            lambda images: images.reshape(
                -1, self._num_segments, *images.shape[1:]
            ),
            clips,
        )
        num_clips = len(keras.tree.flatten(clips)[0])
        # Equal groups: one shape for the device, and few clips, if any, that
        # are classified twice.
        most = max(SNIPPETS_A_CALL // self._num_segments, 1)
        group = math.ceil(num_clips / math.ceil(num_clips / most))
        logits = []
        for start in range(0, num_clips, group):
            places = np.arange(start, start + group) % num_clips
            some = keras.tree.map_structure(
                lambda images, places=places: images[places], clips
            )
            logits.append(self._model.predict_on_batch(some))
        return np.concatenate(logits)[:num_clips].mean(axis=0)
