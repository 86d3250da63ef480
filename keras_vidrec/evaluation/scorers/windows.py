"""The windows of a long video: their positions, the frames that each of them
uses, and their scores."""

import itertools
import math

import numpy as np

from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import sampling
from keras_vidrec.evaluation.scorers.scorer import SNIPPETS_A_CALL

# Share of the frames of a window that may be left out at its end to get evenly
# spaced snippets.
_SLACK = 0.1
# Number of windows that are used to count the new snippets of the next window.
_LOOKED_AT = 9


class Windows:
    """Windows of the same length at regular distances.

    A window is treated as a video of its own by the network's test, with the
    same number and sampling of snippets. If single snippets are classified,
    overlapping windows share snippets:

    - A window is shortened, by at most a tenth, until its snippets are evenly
      spaced. If there is no such length, it keeps its length.
    - A window starts at the multiple of the distance between snippets that is
      nearest to a multiple of the stride, so up to half this distance early or
      late. If the stride is smaller than the distance, the largest divisor of
      the distance within the stride is used instead.

    If a network processes its segments in order, or the test has several clips,
    each window starts at the frame nearest to a multiple of the stride.

    Args:
        spec: `ClipSpec` of the test, including its `num_segments`.
        frame_rate: float. Frames per second.
        window: float. Length of a window in seconds. Defaults to `2.0`.
        stride: float. Seconds from window to window. Defaults to `1.0`.
        num_clips: int. Number of clips of a window. Defaults to `1`.

    Attributes:
        num_frames: int. Number of frames of a window.
        grid: int. Windows start at multiples of this number of frames.
        indices: dict of int arrays `(num_clips * num_segments, images of a
            snippet)` by modality: the images that a window uses, counted from
            its start.

    Raises:
        ValueError: if the window is shorter than a frame (than two for motion),
            or the stride is shorter than a frame.
    """

    def __init__(self, spec, frame_rate, window=2.0, stride=1.0, num_clips=1):
        # At least one frame, because two windows must not start at the same.
        self._stride = max(stride * frame_rate, 1.0)
        num_frames = round(window * frame_rate)
        least = 1 + any(
            modality in reader.FLOWS for modality in spec.modalities
        )
        if num_frames < least or round(stride * frame_rate) < 1:
            raise ValueError(
                f"Expected a window of at least {least} and a stride of at "
                f"least 1 frame, at {frame_rate:g} frames per second. "
                f"Received: window={window:g} s, stride={stride:g} s"
            )
        spacing = 1
        if not spec.ordered and num_clips == 1:
            num_frames, spacing = _even_spacing(spec, num_frames, least)
        self.num_frames = num_frames
        self.grid = max(
            divisor
            for divisor in range(1, spacing + 1)
            if not spacing % divisor and divisor <= self._stride
        )
        self.indices = _image_indices(spec, num_frames, num_clips)
        self._needed = {
            modality: frozenset(rows.ravel().tolist())
            for modality, rows in self.indices.items()
        }
        for modality in reader.FLOWS:
            if modality in self._needed:
                first = self._needed[modality]
                self._needed[modality] = first | {t + 1 for t in first}

    @property
    def num_different(self):
        """int. Number of different snippets of a window. It is smaller than
        that of the test if a window is too short."""
        rows = np.concatenate(list(self.indices.values()), axis=1)
        return len(np.unique(rows, axis=0))

    def start(self, number):
        """Returns the first frame of window `number`, counted from 0."""
        return self.grid * math.floor(number * self._stride / self.grid + 0.5)

    def needs(self, index):
        """Returns the list of modalities for which a window uses its frame
        `index`."""
        return [m for m, frames in self._needed.items() if index in frames]


class WholeWindows:
    """Classifies each window separately. This is needed for networks that
    process their segments in order, whose output for a segment depends on those
    before it.

    Args:
        scorer: a scorer of `scorers.scorer.make`.
        clip: `MovingClip`, which has the frames.
        windows: `Windows`.
    """

    def __init__(self, scorer, clip, windows):
        self._scorer = scorer
        self._clip = clip
        self._indices = windows.indices

    def __call__(self, start):
        """Returns the scores of the window that starts at the frame `start`,
        float32 `(classes,)`."""
        return self._scorer(_clip_at(self._clip, self._indices, start))

    def drop_before(self, index):
        """Does nothing, because nothing is stored."""


class SharedSnippets:
    """Classifies windows, but computes each snippet only once, even if it is in
    several windows.

    Args:
        scorer: `SnippetScorer`.
        clip: `MovingClip`, which has the frames.
        windows: `Windows`.
    """

    def __init__(self, scorer, clip, windows):
        self._scorer = scorer
        self._average = scorer.average
        self._clip = clip
        self._indices = windows.indices
        # A snippet is identified by all images that it uses: at the edge of a
        # window these may differ from those in the middle of the next window.
        self._rows = np.concatenate(list(windows.indices.values()), axis=1)
        self._views = {}
        starts = map(windows.start, range(_LOOKED_AT))
        # All calls of the network have the same shape.
        self._group = min(
            max(
                len(set(self._keys(later)) - set(self._keys(start)))
                for start, later in itertools.pairwise(starts)
            ),
            SNIPPETS_A_CALL,
        )

    def __call__(self, start):
        """Returns the scores of the window that starts at the frame `start`,
        from the mean over its snippets: float64 `(classes,)`."""
        keys = self._keys(start)
        places = {key: place for place, key in enumerate(keys)}
        new = [key for key in places if key not in self._views]
        for first in range(0, len(new), self._group):
            some = new[first : first + self._group]
            # The last group is filled with its first snippet.
            filled = some + some[:1] * (self._group - len(some))
            rows = [places[key] for key in filled]
            indices = {m: found[rows] for m, found in self._indices.items()}
            logits = self._scorer.logits(_clip_at(self._clip, indices, start))
            # The mean over the crops of each snippet.
            views = self._average.views(logits)
            views = views.reshape(-1, self._group, views.shape[-1])
            self._views.update(zip(some, views.mean(0, dtype="float64")))
        mean = np.mean([self._views[key] for key in keys], 0)
        return self._average.scores(mean)

    def drop_before(self, index):
        """Drops stored snippets that use frames before `index`."""
        for old in [key for key in self._views if min(key) < index]:
            del self._views[old]

    def _keys(self, start):
        return list(map(tuple, (self._rows + start).tolist()))


def _even_spacing(spec, num_frames, least):
    """The number of frames of a window, and of frames between its snippets, see
    `Windows`."""
    shortest = max(math.ceil((1 - _SLACK) * num_frames), least)
    for length in range(num_frames, shortest - 1, -1):
        if spacing := _spacing(spec, length):
            return length, spacing
    return num_frames, 1


def _spacing(spec, num_frames):
    """The number of frames between snippets, or `None` if they are not evenly
    spaced."""
    modality, rows = next(iter(_image_indices(spec, num_frames).items()))
    middle = sampling.images_before(
        spec.snippet_length, spec.num_images(modality), spec.alignment
    )
    distances = set(np.diff(rows[:, middle]).tolist()) or {1}
    return distances.pop() if len(distances) == 1 else None


def _image_indices(spec, num_frames, num_clips=1):
    """The images that a window of `num_frames` frames uses, as
    `Windows.indices`."""
    counts = {
        modality: num_frames - (modality in reader.FLOWS)
        for modality in spec.modalities
    }
    return reader.image_indices(
        counts, spec, spec.num_segments, "test", num_clips=num_clips
    )


def _clip_at(clip, indices, start):
    """The clip of a window that starts at a frame, as the network takes it."""
    found = clip.clip({m: rows + start for m, rows in indices.items()})
    # A network of one modality takes an array, not a dict.
    return found if len(found) > 1 else next(iter(found.values()))
