"""Pixels are those of the ffmpeg program, in every encoding."""

import numpy as np
import pytest

from keras_vidrec.videos import video
from tests.videos import encodings as tables


@pytest.mark.parametrize("name", tables.NAMES)
def test_pixels_are_those_of_ffmpeg(encodings, name):
    path = encodings[name]
    frames = np.stack(list(video.iter_frames(path)))
    expected = tables.decode(path, frames.shape[1:3])
    assert frames.shape == expected.shape
    np.testing.assert_array_equal(frames, expected)
    # Frames are all there, and differ.
    health = video.probe(path)
    assert health.num_frames == len(frames) >= 1
    assert (health.height, health.width) == frames.shape[1:3]
    assert health.damaged == health.lost_at_end == 0
    assert np.ptp(frames) > 100
    # Any of them, with seeks where there can be some.
    last = len(frames) - 1
    indices = [last, 0, last // 2]
    read = video.read_frames(path, indices, len(frames))
    np.testing.assert_array_equal(read, frames[indices])


def test_there_are_many():
    assert len(tables.NAMES) >= 60
