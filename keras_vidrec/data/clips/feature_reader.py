"""Selects the stored features of a video that are the input of a network."""

import numpy as np

from keras_vidrec.data.clips import reader
from keras_vidrec.specs import checks

# Sampling schemes that are possible with features.
SAMPLINGS = ("feature_grid", "uniform")


def are_features(source) -> bool:
    """Whether a source has features instead of images."""
    return hasattr(source, "num_features")


def check_protocol(source, spec, crops, num_segments, num_clips, mode):
    """Checks that features can be read in this way.

    Args:
        source: `Features`.
        spec: `ClipSpec`. Its `sampling` must be one of `SAMPLINGS`.
        crops: str. Must be `"center"`, the crop of stored features.
        num_segments, num_clips, mode: as for `read_test_features`.

    Raises:
        ValueError: if they cannot.
    """
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
    """Reads the features of a training clip: those of one of the random crops
    that are stored of a video ("draws"), or of the central crop if there are
    none.

    With `sampling="uniform"` one random frame of each segment is read, with
    `"feature_grid"` all stored frames.

    Args:
        source: `Features`.
        index: int. The video.
        spec: `ClipSpec`.
        rng: `np.random.Generator`.

    Returns:
        dict of float16 arrays `(num_segments, features)`, as stored, by stream.

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
    """Reads the features of the test clips of a video, without randomness.

    Several clips of a video (see `reader.clip_starts`) are only possible with
    `sampling="uniform"` and the mode `"test"`.

    Args:
        source: `Features`.
        index, spec, num_segments, num_clips, mode: as for
            `reader.read_test_clip`.

    Returns:
        dict of float16 arrays `(num_clips * num_segments, features)`, as
        stored, by stream. The segments of a clip are adjacent.

    Raises:
        VideoError: if the features cannot be read.
    """
    num_segments = num_segments or spec.num_segments
    indices = _indices(source, index, spec, num_segments, mode, None, num_clips)
    return _read(source, index, spec, indices, 0)


def test_indices(source, index, spec, num_segments):
    """The indices of the stored frames of a video that a test clip reads in the
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
