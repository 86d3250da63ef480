import os

import numpy as np
import pytest

from keras_vidrec.videos.packet_index import PacketIndex
from tests.data import numbered_video

# Two groups of pictures as stored: B-frames follow the frame they precede.
STAMPS = [0, 3, 1, 2, 4, 7, 5, 6]
KEYS = [True, False, False, False, True, False, False, False]


def test_frames_in_order_of_presentation():
    index = PacketIndex.from_packets(STAMPS, KEYS, 8)
    np.testing.assert_array_equal(index.stamps, np.arange(8))
    np.testing.assert_array_equal(index.key_frames, [0, 4])
    # An open group: two frames are presented before their key frame.
    stamps = [10, 12, 16, 14, 15, 17]
    keys = [True, False, True, False, False, False]
    index = PacketIndex.from_packets(stamps, keys, 6)
    np.testing.assert_array_equal(index.stamps, [10, 12, 14, 15, 16, 17])
    np.testing.assert_array_equal(index.key_frames, [0, 4])


@pytest.mark.parametrize(
    "stamps,keys,num_frames",
    [
        (STAMPS, KEYS, 7),  # a packet shows no frame
        (STAMPS, KEYS, 9),
        ([0, 3, 1, 1, 4, 7, 5, 6], KEYS, 8),  # a stamp twice
        (STAMPS, [True] * 8, 8),  # flags that say nothing
        (STAMPS, [False] * 8, 8),
        (STAMPS, [False] * 4 + KEYS[4:], 8),  # starts without a key frame
        ([], [], 0),
    ],
)
def test_doubtful_stamps_give_no_index(stamps, keys, num_frames):
    assert PacketIndex.from_packets(stamps, keys, num_frames) is None


def test_places():
    index = PacketIndex.from_packets([0, 2, 5, 6], [1, 0, 1, 0], 4)
    found = [index.frame_at(stamp) for stamp in (None, *range(-1, 8))]
    assert found == [None, None, 0, None, 1, None, None, 2, 3, None]
    before = [index.key_frame_before(position) for position in range(4)]
    assert before == [0, 0, 2, 2]


def test_only_containers_with_time_stamps(tmp_path):
    path = str(numbered_video.write(tmp_path / "video.mp4", 30))
    index = PacketIndex.from_file(path, 30)
    np.testing.assert_array_equal(index.stamps, 512 * np.arange(30))
    np.testing.assert_array_equal(index.key_frames, [0, 12, 24])
    assert PacketIndex.from_file(path, 29) is None
    assert PacketIndex.from_file(path, 31) is None
    path = str(numbered_video.write(tmp_path / "video.avi", 30))
    assert PacketIndex.from_file(path, 30) is None


def test_remembers_until_the_file_changes(tmp_path):
    path = str(numbered_video.write(tmp_path / "video.mp4", 30))
    index = PacketIndex.from_file(path, 30)
    assert PacketIndex.from_file(path, 30) is index
    status = os.stat(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert PacketIndex.from_file(path, 30) is not index
