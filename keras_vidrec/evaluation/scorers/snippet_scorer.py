"""Logits of snippets, whatever consensus the network was trained with."""

import math

import keras
import numpy as np

from keras_vidrec.applications.parts.head import snippet_logits_model

# Snippets in one call of the device: bounds the memory of the activations.
SNIPPETS_A_CALL = 64


class SnippetScorer:
    """Averages the logits of the snippets of a clip.

    The frame-wise protocol of the papers: each snippet (each crop of each
    segment) is classified alone and the logits are averaged, whatever
    consensus the network was trained with.

    Args:
        model: keras.Model of this package, ending in class scores.
    """

    def __init__(self, model):
        self._model = snippet_logits_model(model)
        # A network built for a fixed number of segments takes just these.
        self._num_segments = keras.tree.flatten(self._model.input)[0].shape[1]

    def __call__(self, clip):
        """Mean logits of a clip.

        Args:
            clip: uint8 array `(num_snippets, height, width, channels)`, or a
                dict of these by modality.

        Returns:
            float32 array `(classes,)`.
        """
        return self.logits(clip).mean(axis=0)

    def logits(self, clip):
        """Logits of each snippet.

        Args:
            clip: as for a call.

        Returns:
            float32 array `(num_snippets, classes)`.
        """
        num_snippets = len(keras.tree.flatten(clip)[0])
        # Equal groups: one shape for the device, and few snippets, if any,
        # that are classified twice.
        most = max(SNIPPETS_A_CALL // (self._num_segments or 1), 1)
        units = math.ceil(num_snippets / (self._num_segments or 1))
        units_a_call = math.ceil(units / math.ceil(units / most))
        # Clips of as many segments as the network takes, or one of any number.
        shape = (-1, self._num_segments or units_a_call)
        group = units_a_call * (self._num_segments or 1)
        logits = []
        for start in range(0, num_snippets, group):
            # A last group that is too short begins again from the front, and
            # the surplus is cut off.
            places = np.arange(start, start + group).reshape(shape)
            places %= num_snippets
            snippets = keras.tree.map_structure(
                lambda images, places=places: images[places], clip
            )
            found = self._model.predict_on_batch(snippets)
            logits.append(found.reshape(-1, found.shape[-1]))
        return np.concatenate(logits)[:num_snippets]
