"""Logits of the windows of a stream, one after the other."""

import itertools

import numpy as np

from keras_vidrec.evaluation.scorers.snippet_scorer import SNIPPETS_A_CALL

# Windows whose neighbors tell how many snippets are new to the next one.
_LOOKED_AT = 9


class WholeWindows:
    """Shows a network each window anew, as one that sees its segments in order
    needs it: what it makes of a segment depends on those before it.

    Args:
        scorer: `ClipScorer`.
        clip: `MovingClip`.
        windows: `Windows`.
    """

    def __init__(self, scorer, clip, windows):
        self._scorer = scorer
        self._clip = clip
        self._indices = windows.indices

    def __call__(self, start):
        """float32 logits `(classes,)` of the window that begins at the frame
        `start`."""
        return self._scorer(_clip_at(self._clip, self._indices, start))

    def drop_before(self, index):
        """There is nothing to forget."""


class SharedSnippets:
    """Shows a network each snippet once, whichever windows it is in.

    Args:
        scorer: `SnippetScorer`.
        clip: `MovingClip`.
        windows: `Windows`.
    """

    def __init__(self, scorer, clip, windows):
        self._scorer = scorer
        self._clip = clip
        self._indices = windows.indices
        # What a snippet is: all images that it reads. Snippets at the edges
        # of a window may read others than in the middle of the next.
        self._rows = np.concatenate(list(windows.indices.values()), axis=1)
        self._logits = {}
        starts = map(windows.start, range(_LOOKED_AT))
        # Equal calls: one shape for the device.
        self._group = min(
            max(
                len(set(self._keys(later)) - set(self._keys(start)))
                for start, later in itertools.pairwise(starts)
            ),
            SNIPPETS_A_CALL,
        )

    def __call__(self, start):
        """float64 logits `(classes,)` of the window that begins at the frame
        `start`: the mean of its snippets."""
        keys = self._keys(start)
        places = {key: place for place, key in enumerate(keys)}
        new = [key for key in places if key not in self._logits]
        for first in range(0, len(new), self._group):
            some = new[first : first + self._group]
            # A last group that is too short is filled with its first snippet.
            filled = some + some[:1] * (self._group - len(some))
            rows = [places[key] for key in filled]
            indices = {m: found[rows] for m, found in self._indices.items()}
            logits = self._scorer.logits(_clip_at(self._clip, indices, start))
            # The mean of the crops of each snippet.
            logits = logits.reshape(-1, self._group, logits.shape[-1]).mean(0)
            self._logits.update(zip(some, logits))
        return np.mean([self._logits[key] for key in keys], 0, np.float64)

    def drop_before(self, index):
        """Forgets the snippets that read earlier frames."""
        for old in [key for key in self._logits if min(key) < index]:
            del self._logits[old]

    def _keys(self, start):
        return list(map(tuple, (self._rows + start).tolist()))


def _clip_at(clip, indices, start):
    found = clip.clip({m: rows + start for m, rows in indices.items()})
    # A network of one modality takes no dict.
    return found if len(found) > 1 else next(iter(found.values()))
