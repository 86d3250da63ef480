"""Where the snippets of a video lie: integer arithmetic, no pixels."""

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
    """Start of one snippet in each segment of a video.

    A video is cut into `num_segments` equal parts and one snippet is taken
    from each (TSN, section 3.1). The schemes differ in rounding, and in what
    they do with videos that are too short. With n frames, K segments,
    snippets of L images, m = n - L + 1 possible starts and k = 0..K-1:

    - `"tsn_caffe"`, the authors' first program, with D = n // K:
      training k D + one of 0..D-L, validation k D + (D - L + 1) // 2, both 0
      if D < L; test k ((n - L) // (K - 1)), their grid of 25 frames (with one
      segment, where this divides by zero, the middle of the possible starts).
    - `"tsn_pytorch"`, the authors' second program, with D = m // K:
      training k D + one of 0..D-1, or where D = 0 and n > K the K sorted
      draws from 0..m-1; validation floor((k + 1/2) m / K) if m > K, else 0;
      test the same without that condition.
    - `"uniform"`: training any start of the bin
      floor(k m / K) .. floor((k + 1) m / K) - 1, validation and test
      floor((k + 1/2) m / K), in exact integers.
    - `"feature_grid"`, of the authors of TS-LSTM, for features of 25 frames:
      in every mode 4 + k max(1, (n - 9) // K), at most n - 6, with n images of
      flow, whatever is read, so that flow from 4 images before to 5 images
      after each (`centered_late`) lies within the video.

    The frame ids of the authors are these starts plus 1. A video that is too
    short for a rule gets zeros, and `snippet_indices` repeats its last image.

    Args:
        num_frames: int, at least 1. Stored images of the modality: frames for
            rgb, frames - 1 for the flows.
        num_segments: int, at least 1.
        snippet_length: int, at least 1. Images a snippet reads, so L + 1 for
            differences of L neighboring frames. Defaults to `1`.
        mode: str. `"train"` draws, `"validation"` and `"test"` are fixed.
            Defaults to `"train"`.
        scheme: str. One of `"tsn_caffe"`, `"tsn_pytorch"`, `"uniform"`,
            `"feature_grid"`. Defaults to `"tsn_caffe"`.
        rng: `numpy.random.Generator`. Needed in training, unused elsewhere.

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
    """Indices of the images that the snippets of a video read.

    An index outside the video becomes the nearest one inside, as in the
    authors' readers.

    A forward snippet (TSN) reads `num_images` from its start; the others as
    many, beginning before their index: 10 flow images are -5 .. 4 of
    `"centered"` (two-stream fusion, section 3.4; STFN), -4 .. 5 of
    `"centered_late"` and -9 .. 0 of `"backward"` (both TS-LSTM). A single
    image always is the one at the index. Indices of all but forward snippets
    are drawn with `segment_indices(..., snippet_length=1)`: they may be any
    frame.

    Args:
        starts: int array `(num_segments,)`, of `segment_indices`.
        snippet_length: int, at least 1. L of the `ClipSpec`.
        num_images: int, at least 1. Images a snippet reads, of
            `ClipSpec.num_images`: 1 for rgb, L + 1 for rgb_diff, L for the
            flows.
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


def images_before(snippet_length, num_images, alignment):
    """How many images of a snippet lie before its index: as
    `specs.ClipSpec` says, none of a single image.

    Arguments and errors are those of `snippet_indices`.
    """
    snippet_length = count("snippet_length", snippet_length)
    num_images = count("num_images", num_images)
    checks.choice("alignment", alignment, ALIGNMENTS)
    return min(_images_before(alignment, snippet_length), num_images - 1)


def count(name, value):
    """`value` as an int, if need be of one of NumPy's; a `ValueError` that
    calls it `name` if it is no positive integer."""
    if isinstance(value, np.integer):
        value = int(value)
    checks.count(name, value)
    return value


def check_draw(mode, rng):
    """Checks that `mode` is one of `MODES`, and that there is a generator to
    draw with in training."""
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
    # In this order of operations, or some starts differ by 1 from the
    # authors'.
    duration = choices / num_segments
    return np.floor(duration / 2 + duration * segments)


def _uniform(num_frames, num_segments, snippet_length, mode, rng):
    choices = max(num_frames - snippet_length + 1, 1)
    if mode != "train":
        middles = 2 * np.arange(num_segments) + 1
        return middles * choices // (2 * num_segments)
    edges = np.arange(num_segments + 1) * choices // num_segments
    # With fewer starts than segments some bins are empty: they take the start
    # at their edge.
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

# Of `segment_indices`; chunks have a way of their own.
SCHEMES = tuple(_SCHEMES)

# Schemes that leave a video of fewer images, from the number of segments and
# the length of a snippet, nothing but its first image to train on.
FIRST_ALONE = types.MappingProxyType(
    {
        "tsn_caffe": lambda num_segments, length: num_segments * length,
        "tsn_pytorch": lambda num_segments, length: num_segments + (length > 1),
    }
)


def is_first_alone(num_frames, num_segments, snippet_length, scheme):
    """Whether all snippets of a training clip are the first one of the video,
    though there are others; arguments as of `segment_indices`."""
    needed = FIRST_ALONE[scheme](num_segments, snippet_length)
    return snippet_length < num_frames < needed


def valid_positions(num_frames, snippet_length, num_images, alignment):
    """Where a chunk may lie without reading beyond the video: `(first, last)`,
    0-based; `last < first` if the video is too short.

    With n images of the video and b images of the chunk before its position,
    these are b .. n - num_images + b. A centered stack of 10 flow images has
    5 .. n - 5, the authors' t = 6 .. N - 5 where frames are counted from 1 and
    there are N = n + 1 of them; a backward one 9 .. n - 1.

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
        first, last: int. Valid positions, of `valid_positions`.
        num_chunks: int, at least 1. T, chunks in a clip.
        stride: pair of int `(low, high)`, of the `ClipSpec`.
        mode, rng: as for `segment_indices`.
        num_clips: int, at least 1. C, clips of a video; more than one in
            testing only. Defaults to `1`.

    Returns:
        int64 array `(num_clips * num_chunks,)`: the chunks of the first clip
        in ascending order, then those of the others.

    Raises:
        ValueError: on a count below 1, an invalid stride, an unknown mode,
            several clips elsewhere than in testing, or training without a
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
    """Positions of segments among the valid ones, as the single streams of
    two-stream fusion, the multiplier and TS-LSTM take them.

    With r = last - first, K segments and k = 0..K-1:

    - training: any of the k-th of K equal parts of the valid positions, as
      `"uniform"` has them; one segment is any valid position;
    - validation and test: first + k r / (K - 1), rounded, halves up: from the
      first one to the last, as evenly spread as whole frames can be (the 25
      frames of the authors of the multiplier), in order, with repetitions,
      where there are fewer positions. One segment is in the middle.

    A video in which no position is valid, last < first, gets the middle for
    all of them; `snippet_indices` repeats its ends.

    Args:
        first, last: int. Valid positions, of `valid_positions`.
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


def _checked_stride(stride):
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
