"""The windows of a long video: where they lie, what each of them reads, and
its logits."""

import itertools
import math

import numpy as np

from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import sampling
from keras_vidrec.evaluation.scorers.scorer import SNIPPETS_A_CALL

# Of the frames of a window: how many may be left out at its end for snippets
# that are evenly spaced.
_SLACK = 0.1
# Windows that are used to count the new snippets of a next window.
_LOOKED_AT = 9


class Windows:
    """Windows of one length, a stride apart.

    A window is seen as a video of its own, by the test of the network: as many
    snippets, where its sampling places them. Where single snippets are
    classified, windows that overlap share those that they have in common:

    - a window is made shorter, by a tenth at most, until its snippets are at
      even distances; if they never do, it keeps its length;
    - a window begins at the multiple of that distance (of its largest divisor
      within the stride, if the stride is smaller) that is next to a multiple
      of the stride, so it is up to half a distance early or late.

    If a network sees its segments in order, or several clips of a video, each
    window begins at the frame next to a multiple of the stride.

    Args:
        spec: `ClipSpec` of the test, its `num_segments` too.
        frame_rate: float. Frames a second.
        window: float. Seconds. Defaults to `2.0`.
        stride: float. Seconds. Defaults to `1.0`.
        num_clips: int. Clips of a window. Defaults to `1`.

    Attributes:
        num_frames: int. Frames a window.
        grid: int. Windows begin at multiples of this many frames.
        indices: dict of int arrays `(num_clips * num_segments, images of a
            snippet)` by modality: what a window reads, numbered from its
            beginning.

    Raises:
        ValueError: if the window is shorter than a frame (than two, for
            motion), or the stride than one.
    """

    def __init__(self, spec, frame_rate, window=2.0, stride=1.0, num_clips=1):
        # At least a frame: two windows cannot begin with the same.
        self._stride = max(stride * frame_rate, 1.0)
        num_frames = round(window * frame_rate)
        least = 1 + any(
            modality in reader.FLOWS for modality in spec.modalities
        )
        if num_frames < least or round(stride * frame_rate) < 1:
            raise ValueError(
                f"Expected a window of at least {least} and a stride of at "
                f"least 1 of the {frame_rate:g} frames a second. Received: "
                f"window={window:g} s, stride={stride:g} s"
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
        """How many different snippets a window shows: fewer than the test has
        where a window is too short for all of them."""
        rows = np.concatenate(list(self.indices.values()), axis=1)
        return len(np.unique(rows, axis=0))

    def start(self, number):
        """First frame of window `number`, from 0."""
        return self.grid * math.floor(number * self._stride / self.grid + 0.5)

    def needs(self, index):
        """For which modalities a window reads its frame `index`."""
        return [m for m, frames in self._needed.items() if index in frames]


class WholeWindows:
    """Shows a network each window whole, as one that sees its segments in order
    needs it: what it makes of a segment depends on those before it."""

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
    """Shows a network each snippet once, whichever windows it is in."""

    def __init__(self, scorer, clip, windows):
        self._scorer = scorer
        self._average = scorer.average
        self._clip = clip
        self._indices = windows.indices
        # What a snippet is: all images that it reads. Snippets at the edges
        # of a window may read others than in the middle of the next.
        self._rows = np.concatenate(list(windows.indices.values()), axis=1)
        self._views = {}
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
        """Scores `(classes,)` of the window that begins at the frame
        `start`: of the mean of its snippets."""
        keys = self._keys(start)
        places = {key: place for place, key in enumerate(keys)}
        new = [key for key in places if key not in self._views]
        for first in range(0, len(new), self._group):
            some = new[first : first + self._group]
            # A last group that is too short is filled with its first snippet.
            filled = some + some[:1] * (self._group - len(some))
            rows = [places[key] for key in filled]
            indices = {m: found[rows] for m, found in self._indices.items()}
            logits = self._scorer.logits(_clip_at(self._clip, indices, start))
            # The mean of the crops of each snippet.
            views = self._average.views(logits)
            views = views.reshape(-1, self._group, views.shape[-1])
            self._views.update(zip(some, views.mean(0, dtype="float64")))
        mean = np.mean([self._views[key] for key in keys], 0)
        return self._average.scores(mean)

    def drop_before(self, index):
        """Forgets the snippets that read earlier frames."""
        for old in [key for key in self._views if min(key) < index]:
            del self._views[old]

    def _keys(self, start):
        return list(map(tuple, (self._rows + start).tolist()))


def _even_spacing(spec, num_frames, least):
    """Frames, and frames between snippets; see `Windows`."""
    shortest = max(math.ceil((1 - _SLACK) * num_frames), least)
    for length in range(num_frames, shortest - 1, -1):
        if spacing := _spacing(spec, length):
            return length, spacing
    return num_frames, 1


def _spacing(spec, num_frames):
    """Frames between snippets, or `None` if they are not evenly spaced."""
    modality, rows = next(iter(_image_indices(spec, num_frames).items()))
    middle = sampling.images_before(
        spec.snippet_length, spec.num_images(modality), spec.alignment
    )
    distances = set(np.diff(rows[:, middle]).tolist()) or {1}
    return distances.pop() if len(distances) == 1 else None


def _image_indices(spec, num_frames, num_clips=1):
    counts = {
        modality: num_frames - (modality in reader.FLOWS)
        for modality in spec.modalities
    }
    return reader.image_indices(
        counts, spec, spec.num_segments, "test", num_clips=num_clips
    )


def _clip_at(clip, indices, start):
    found = clip.clip({m: rows + start for m, rows in indices.items()})
    # A network of one modality takes no dict.
    return found if len(found) > 1 else next(iter(found.values()))
