"""From the stored features of a video to those a network sees."""

import numpy as np

from keras_vidrec.data.clips import reader
from keras_vidrec.specs import checks

# Schemes of sampling that mean something for stored frames.
SAMPLINGS = ("feature_grid", "uniform")


def are_features(source):
    """Whether a source gives features instead of images."""
    return hasattr(source, "num_features")


def check_protocol(source, spec, crops, num_segments, num_clips, mode):
    """Refuses, by a `ValueError`, what features cannot give to a training or a
    test: see `read_test_features`. `crops` can only be `"center"`: features
    are made of that."""
    checks.choice("sampling", spec.sampling, SAMPLINGS, " of features")
    if crops != "center":
        raise ValueError(
            "Features were made from crops. Expected crops='center'. "
            f"Received: crops={crops!r}"
        )
    reader.check_clips(spec, num_clips, mode)
    stored = source.settings["num_frames"]
    if spec.sampling == "feature_grid" and num_segments != stored:
        raise ValueError(
            "A network uses all frames of a grid of features. Expected "
            f"num_segments={stored}, as the dataset has, or features of "
            f"another grid. Received: num_segments={num_segments}"
        )


def read_training_features(source, index, spec, rng):
    """Features to train on: of one of the draws at random if the video has
    any, else of the central crop.

    With `sampling="uniform"` each segment gives one of its stored frames at
    random, with `"feature_grid"` all frames are read.

    Returns:
        dict of float16 arrays, as stored, `(num_segments, features)` by stream.

    Raises:
        VideoError: if the features cannot be read.
    """
    draws = source.num_draws(index)
    draw = int(rng.integers(1, draws + 1)) if draws else 0
    indices = _indices(source, index, spec, spec.num_segments, "train", rng)
    return _read(source, index, spec, indices, draw)


def read_test_features(
    source, index, spec, *, num_segments=None, num_clips=1, mode="test"
):
    """Features to test on; no randomness. Several sequences of a video, see
    `reader.clip_starts`, with `sampling="uniform"` in the mode `"test"` only.

    Args:
        source: `Features`.
        index, spec, num_segments, num_clips, mode: as for
            `reader.read_test_clip`.

    Returns:
        dict of float16 arrays, as stored, `(num_clips * num_segments,
        features)` by stream, the segments of a sequence together.

    Raises:
        VideoError: if the features cannot be read.
    """
    num_segments = num_segments or spec.num_segments
    indices = _indices(source, index, spec, num_segments, mode, None, num_clips)
    return _read(source, index, spec, indices, 0)


def test_indices(source, index, spec, num_segments):
    """Which stored frames of a video one test clip of a network reads, in the
    mode `"test"`: int64 array `(num_segments,)`."""
    return _indices(source, index, spec, num_segments, "test", None)


def _indices(source, index, spec, num_segments, mode, rng, num_clips=1):
    if spec.sampling == "feature_grid":
        return np.arange(num_segments)
    num_frames = source.num_frames(index, spec.modalities[0])
    return reader.clip_starts(
        num_frames, 1, spec, num_segments, mode, rng, num_clips
    )


def _read(source, index, spec, indices, draw):
    return {
        stream: source.read_stored(index, stream, indices, draw)
        for stream in spec.modalities
    }
