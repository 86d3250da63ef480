"""Sampling: the indices of the images of a video that a clip consists of."""

import operator
import types

import numpy as np

from keras_vidrec.specs import ALIGNMENTS
from keras_vidrec.specs import checks
from keras_vidrec.specs import images_before as _images_before

MODES = ("train", "validation", "test")


def segment_indices(
    num_frames,
    num_segments,
    snippet_length=1,
    *,
    mode="train",
    scheme="tsn_caffe",
    rng=None,
):
    """Returns the start of one snippet in each segment of a video.

    A video is cut into `num_segments` equal parts and one snippet is taken
    from each (TSN, section 3.1). The schemes differ in rounding, and in how
    they treat videos that are too short. With n frames, K segments, snippets
    of L images, m = n - L + 1 possible starts and k = 0..K-1:

    - `"tsn_caffe"`, the authors' first program, with D = n // K:
      training k D + one of 0..D-L, validation k D + (D - L + 1) // 2, both 0
      if D < L; test k ((n - L) // (K - 1)), their grid of 25 frames (with one
      segment, where this divides by zero, the middle of the possible starts).
    - `"tsn_pytorch"`, the authors' second program, with D = m // K:
      training k D + one of 0..D-1; if D = 0 and n > K, K sorted random starts
      from 0..m-1; validation floor((k + 1/2) m / K) if m > K, else 0; test the
      same without that condition.
    - `"uniform"`: training any start of the bin
      floor(k m / K) .. floor((k + 1) m / K) - 1; validation and test
      floor((k + 1/2) m / K), in exact integers.
    - `"feature_grid"`, by the authors of TS-LSTM, for features of 25 frames:
      in every mode 4 + k max(1, (n - 9) // K), at most n - 6. n is the number
      of flow images, also if frames are read, so that the flow from 4 images
      before to 5 images after each (`centered_late`) is within the video.

    The frame numbers of the authors are these starts plus 1. If a video is too
    short for a rule, the starts are zeros, and `snippet_indices` repeats the
    last image.

    Args:
        num_frames: int, at least 1. Stored images of the modality: frames for
            rgb, frames - 1 for flow.
        num_segments: int, at least 1.
        snippet_length: int, at least 1. Images that a snippet reads; L + 1 for
            L differences of neighboring frames. Defaults to `1`.
        mode: str. `"train"` is random, `"validation"` and `"test"` are not.
            Defaults to `"train"`.
        scheme: str. One of `"tsn_caffe"`, `"tsn_pytorch"`, `"uniform"`,
            `"feature_grid"`. Defaults to `"tsn_caffe"`.
        rng: `None`, or `numpy.random.Generator`, required in training and
            unused in other modes. Defaults to `None`.

    Returns:
        int64 array `(num_segments,)` of 0-based starts, in ascending order.

    Raises:
        ValueError: on a count below 1, an unknown mode or scheme, or training
            without a generator.
    """
    num_frames = count("num_frames", num_frames)
    num_segments = count("num_segments", num_segments)
    snippet_length = count("snippet_length", snippet_length)
    checks.choice("scheme", scheme, SCHEMES)
    check_draw(mode, rng)
    starts = _SCHEMES[scheme](
        num_frames, num_segments, snippet_length, mode, rng
    )
    return np.asarray(starts, dtype=np.int64)


def snippet_indices(
    starts, snippet_length, num_images, num_frames, alignment="forward"
):
    """Returns the indices of the images that the snippets of a video read.

    An index outside the video becomes the nearest one inside, as in the
    authors' readers.

    A forward snippet (TSN) reads `num_images` images from its start on. Other
    snippets begin before their index i. The 10 flow images of a snippet are
    i - 5 .. i + 4 if it is `"centered"` (two-stream fusion, section 3.4;
    STFN), i - 4 .. i + 5 if `"centered_late"` and i - 9 .. i if `"backward"`
    (both TS-LSTM). A single image is always the one at the index. The indices
    of snippets other than forward ones may be any frame: they are made by
    `segment_indices(..., snippet_length=1)`.

    Args:
        starts: int array `(num_segments,)`, from `segment_indices`.
        snippet_length: int, at least 1. L of the `ClipSpec`.
        num_images: int, at least 1. Images that a snippet reads, as
            `ClipSpec.num_images` returns it: 1 for rgb, L + 1 for rgb_diff, L
            for flow.
        num_frames: int, at least 1. Stored images of the modality.
        alignment: str. One of `specs.ALIGNMENTS`. Defaults to `"forward"`.

    Returns:
        int64 array `(num_segments, num_images)` within
        `[0, num_frames - 1]`.

    Raises:
        ValueError: on a count below 1 or an unknown alignment.
    """
    num_frames = count("num_frames", num_frames)
    before = images_before(snippet_length, num_images, alignment)
    starts = np.asarray(starts, dtype=np.int64)
    indices = starts[:, None] - before + np.arange(num_images)
    return np.clip(indices, 0, num_frames - 1)


def images_before(snippet_length, num_images, alignment) -> int:
    """The number of images of a snippet that are before its index, as defined
    by `specs.ClipSpec`; 0 for a single image.

    Arguments and errors are those of `snippet_indices`.
    """
    snippet_length = count("snippet_length", snippet_length)
    num_images = count("num_images", num_images)
    checks.choice("alignment", alignment, ALIGNMENTS)
    return min(_images_before(alignment, snippet_length), num_images - 1)


def count(name: str, value) -> int:
    """Returns `value`, an int or an integer of NumPy, as an int.

    Raises:
        ValueError: about the argument `name`, if it is not a positive integer.
    """
    if isinstance(value, np.integer):
        value = int(value)
    checks.count(name, value)
    return value


def check_draw(mode: str, rng) -> None:
    """Raises a `ValueError` if `mode` is not one of `MODES`, or is `"train"`
    and `rng` is not a `numpy.random.Generator`."""
    checks.choice("mode", mode, MODES)
    checks.check(
        mode != "train" or isinstance(rng, np.random.Generator),
        "rng",
        "a numpy.random.Generator for training, which draws its indices",
        rng,
    )


def _tsn_caffe(num_frames, num_segments, snippet_length, mode, rng):
    segments = np.arange(num_segments)
    last = num_frames - snippet_length
    if mode == "test":
        if num_segments == 1:
            return [max(last, 0) // 2]
        return segments * max(last // (num_segments - 1), 0)
    duration = num_frames // num_segments
    choices = duration - snippet_length + 1
    if choices < 1:
        return np.zeros(num_segments)
    if mode == "validation":
        return segments * duration + choices // 2
    return segments * duration + rng.integers(choices, size=num_segments)


def _tsn_pytorch(num_frames, num_segments, snippet_length, mode, rng):
    segments = np.arange(num_segments)
    choices = num_frames - snippet_length + 1
    if choices < 1:
        return np.zeros(num_segments)
    if mode == "train":
        duration = choices // num_segments
        if duration > 0:
            draws = rng.integers(duration, size=num_segments)
            return segments * duration + draws
        if num_frames > num_segments:
            return np.sort(rng.integers(choices, size=num_segments))
        return np.zeros(num_segments)
    if mode == "validation" and choices <= num_segments:
        return np.zeros(num_segments)
    # In another order of operations some starts differ by 1 from the authors'.
    duration = choices / num_segments
    return np.floor(duration / 2 + duration * segments)


def _uniform(num_frames, num_segments, snippet_length, mode, rng):
    choices = max(num_frames - snippet_length + 1, 1)
    if mode != "train":
        middles = 2 * np.arange(num_segments) + 1
        return middles * choices // (2 * num_segments)
    edges = np.arange(num_segments + 1) * choices // num_segments
    # If there are fewer starts than segments, some bins are empty. The start at
    # the edge is used for them.
    return rng.integers(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1))


def _feature_grid(num_frames, num_segments, _snippet_length, _mode, _rng):
    interval = max(1, (num_frames - 9) // num_segments)
    last = max(num_frames - 6, 0)
    return np.minimum(4 + np.arange(num_segments) * interval, last)


_SCHEMES = {
    "tsn_caffe": _tsn_caffe,
    "tsn_pytorch": _tsn_pytorch,
    "uniform": _uniform,
    "feature_grid": _feature_grid,
}

# The schemes of `segment_indices`. Chunks and spread have their own functions.
SCHEMES = tuple(_SCHEMES)

# Schemes that use only the first snippet of a short video in training. The
# values are functions of the number of segments and the length of a snippet,
# which return the least number of images for which they do not.
FIRST_ALONE = types.MappingProxyType(
    {
        "tsn_caffe": lambda num_segments, length: num_segments * length,
        "tsn_pytorch": lambda num_segments, length: num_segments + (length > 1),
    }
)


def is_first_alone(
    num_frames: int, num_segments: int, snippet_length: int, scheme: str
) -> bool:
    """Whether all snippets of a training clip are the first one of a video that
    has others. Takes the arguments of `segment_indices`, with `scheme` one of
    `FIRST_ALONE`."""
    needed = FIRST_ALONE[scheme](num_segments, snippet_length)
    return snippet_length < num_frames < needed


def valid_positions(num_frames, snippet_length, num_images, alignment):
    """Returns the first and the last position (0-based) at which a chunk is
    within the video; `last < first` if the video is too short.

    If the video has n images, and b images of the chunk are before its
    position, they are b and n - num_images + b. For 10 centered flow images
    they are 5 and n - 5 (the authors write t = 6 .. N - 5, where the N = n + 1
    frames are counted from 1), for 10 backward ones 9 and n - 1.

    Args:
        num_frames, snippet_length, num_images, alignment: as for
            `snippet_indices`.

    Raises:
        ValueError: on an unknown alignment.
    """
    before = images_before(snippet_length, num_images, alignment)
    return before, num_frames - num_images + before


def chunk_indices(
    first, last, num_chunks, stride, *, mode="train", num_clips=1, rng=None
):
    """Returns the positions of the chunks of one or several clips of a video.

    With r = last - first, T chunks, the stride s and k = 0..T-1, the positions
    of a clip are start + k d, where d = min(s, r // (T - 1)). There are
    f = r - (T - 1) d + 1 possible starts from `first` on:

    - training: s is one of low..high, the start any of the f (two-stream
      fusion, section 3.5; spatiotemporal multiplier, section 4.1);
    - validation: s = (low + high) // 2, the start is first + (f - 1) // 2;
    - test: the same s; the starts are first + c (f - 1) // (C - 1) for the
      clips c = 0..C-1; a single clip is as in validation.

    If the video is too short even for d = 1, r < T - 1, the positions of every
    clip are first + k r // (T - 1): in order, with repetitions. If no position
    is valid, last < first, all positions are the middle (first + last) // 2, at
    least 0, and `snippet_indices` repeats the first and last images.

    Args:
        first, last: int. Valid positions, from `valid_positions`.
        num_chunks: int, at least 1. T, chunks in a clip.
        stride: pair of int `(low, high)`, of the `ClipSpec`.
        mode, rng: as for `segment_indices`.
        num_clips: int, at least 1. C, clips of a video; more than one is only
            possible in the mode `"test"`. Defaults to `1`.

    Returns:
        int64 array `(num_clips * num_chunks,)`: the chunks of the first clip
        in ascending order, then those of the others.

    Raises:
        ValueError: on a count below 1, an invalid stride, an unknown mode,
            several clips in another mode than `"test"`, or training without a
            generator.
    """
    num_chunks = count("num_chunks", num_chunks)
    num_clips = count("num_clips", num_clips)
    low, high = _checked_stride(stride)
    check_draw(mode, rng)
    if num_clips > 1 and mode != "test":
        raise ValueError(
            "Several clips per video are only possible in tests. Expected "
            f"`num_clips` of 1. Received: num_clips={num_clips}, "
            f"mode={mode!r}"
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


def spread_indices(first, last, num_segments, *, mode="test", rng=None):
    """Returns the positions of segments that are spread over all valid
    positions, as for the single streams of two-stream fusion, the multiplier
    and TS-LSTM.

    With r = last - first, K segments and k = 0..K-1:

    - training: a random position in part k of K equal parts of the valid
      positions, as `"uniform"` does; a single segment is any valid position;
    - validation and test: first + k r / (K - 1), rounded to the nearest
      integer, halves up: evenly spread from the first position to the last (the
      25 frames of the authors of the multiplier), with repetitions if there are
      fewer positions. A single segment is in the middle.

    If no position is valid, last < first, all positions are the middle, at
    least 0, and `snippet_indices` repeats the first and last images.

    Args:
        first, last: int. Valid positions, from `valid_positions`.
        num_segments: int, at least 1.
        mode, rng: as for `segment_indices`. `mode` defaults to `"test"`.

    Returns:
        int64 array `(num_segments,)`, in ascending order.

    Raises:
        ValueError: on a count below 1, an unknown mode, or training without
            a generator.
    """
    num_segments = count("num_segments", num_segments)
    check_draw(mode, rng)
    if mode == "train" and first <= last:
        starts = _uniform(last - first + 1, num_segments, 1, mode, rng)
        return first + np.asarray(starts, dtype=np.int64)
    if last < first or num_segments == 1:
        middle = max((first + last) // 2, 0)
        return np.full(num_segments, middle, np.int64)
    gaps = num_segments - 1
    steps = np.arange(num_segments, dtype=np.int64) * (last - first)
    return first + (2 * steps + gaps) // (2 * gaps)


def _checked_stride(stride) -> tuple[int, int]:
    try:
        low, high = map(operator.index, stride)
    except (TypeError, ValueError):
        low, high = 0, 0
    checks.check(
        1 <= low <= high,
        "stride",
        "a pair of positive integers (low, high)",
        stride,
    )
    return low, high
