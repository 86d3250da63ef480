"""Where the chunks of a video lie: integer arithmetic, no pixels.

A chunk is one snippet, a frame or a stack of flow images, of a clip of several
that lie a stride apart (two-stream fusion, section 3.4).
"""

import operator

import numpy as np

from keras_vidrec.data.clips import sampling


def valid_positions(num_frames, snippet_length, num_images, alignment):
    """Where a chunk may lie without reading beyond the video.

    With n images of the video and b images of the chunk before its position,
    these are b .. n - num_images + b. A centered stack of 10 flow images has
    5 .. n - 5, the authors' t = 6 .. N - 5 where frames are counted from 1 and
    there are N = n + 1 of them.

    Args:
        num_frames: int, at least 1. Stored images of the modality.
        snippet_length: int, at least 1. L of the `ClipSpec`.
        num_images: int, at least 1. Images a chunk reads, of
            `ClipSpec.num_images`.
        alignment: str. `"forward"` or `"centered"`.

    Returns:
        `(first, last)`, 0-based; `last < first` if the video is too short.

    Raises:
        ValueError: on an unknown alignment.
    """
    before = sampling.images_before(snippet_length, num_images, alignment)
    return before, num_frames - num_images + before


def chunk_indices(
    first, last, num_chunks, stride, *, mode="train", num_clips=1, rng=None
):
    """Positions of the chunks of clips.

    With r = last - first, T chunks, the distance s wanted and k = 0..T-1, a
    clip is start + k min(s, r // (T - 1)), and leaves
    f = r - (T - 1) min(s, r // (T - 1)) + 1 possible starts from `first` on:

    - training: s one of low..high, then any of the f starts (two-stream
      fusion, section 3.5; spatiotemporal multiplier, section 4.1);
    - validation: s = (low + high) // 2, start first + (f - 1) // 2;
    - test: the same s, and starts first + c (f - 1) // (C - 1) for the clips
      c = 0..C-1; one clip lies as in validation.

    Where even s = 1 does not fit, r < T - 1, every clip is
    first + k r // (T - 1): in order, with repetitions. A video in which no
    position is valid, last < first, gets the middle (first + last) // 2, at
    least 0, for all chunks, and `snippet_indices` repeats its ends.

    Args:
        first: int. First valid position, of `valid_positions`.
        last: int. Last valid position.
        num_chunks: int, at least 1. T, chunks in a clip.
        stride: pair of int `(low, high)`, of the `ClipSpec`.
        mode: str. `"train"` draws, `"validation"` and `"test"` are fixed.
            Defaults to `"train"`.
        num_clips: int, at least 1. C, clips of a video; more than one in
            testing only. Defaults to `1`.
        rng: `numpy.random.Generator`. Needed in training, unused elsewhere.

    Returns:
        int64 array `(num_clips * num_chunks,)`: the chunks of the first clip
        in ascending order, then those of the others.

    Raises:
        ValueError: on a count below 1, an invalid stride, an unknown mode,
            several clips elsewhere than in testing, or training without a
            generator.
    """
    num_chunks = sampling.count("num_chunks", num_chunks)
    num_clips = sampling.count("num_clips", num_clips)
    low, high = _checked_stride(stride)
    sampling.check_draw(mode, rng)
    if num_clips > 1 and mode != "test":
        raise ValueError(
            "Several clips of a video are for testing. Expected `num_clips` "
            f"of 1. Received: num_clips={num_clips}, mode={mode!r}"
        )
    if last < first:
        first = last = max((first + last) // 2, 0)
    room = last - first
    chunks = np.arange(num_chunks, dtype=np.int64)
    gaps = max(num_chunks - 1, 1)
    if room < num_chunks - 1:
        return np.tile(first + chunks * room // gaps, num_clips)
    wanted = (low + high) // 2
    if mode == "train":
        wanted = int(rng.integers(low, high + 1))
    distance = min(wanted, room // gaps)
    spare = room - (num_chunks - 1) * distance
    if mode == "train":
        starts = rng.integers(spare + 1, size=1)
    elif num_clips == 1:
        starts = np.array([spare // 2])
    else:
        starts = np.arange(num_clips) * spare // (num_clips - 1)
    return (first + starts[:, None] + chunks * distance).reshape(-1)


def _checked_stride(stride):
    try:
        low, high = map(operator.index, stride)
    except (TypeError, ValueError):
        low, high = 0, 0
    if not 1 <= low <= high:
        raise ValueError(
            "Invalid `stride` of chunks. Expected a pair of positive integers "
            f"(low, high). Received: stride={stride!r}"
        )
    return low, high
