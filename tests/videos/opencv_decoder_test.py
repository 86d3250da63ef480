import os

import cv2
import numpy as np
import pytest

from keras_vidrec.videos import opencv_decoder
from keras_vidrec.videos.opencv_decoder import OpenCVDecoder
from keras_vidrec.videos.opencv_decoder import PacketIndex
from keras_vidrec.videos.opencv_decoder import PositionError
from tests.data import numbered_video


@pytest.fixture
def path(tmp_path):
    return str(numbered_video.write(tmp_path / "video.mp4", 120))


def numbers(decoder, positions):
    found = []
    for position in positions:
        assert decoder.advance_to(position)
        assert decoder.position == position
        found.append(numbered_video.number(decoder.retrieve()))
    decoder.close()
    return found


@pytest.mark.parametrize("num_frames", [None, 120])
def test_goes_where_it_is_told(path, num_frames):
    positions = [0, 0, 1, 28, 29, 30, 47, 48, 63, 64, 65, 110, 119]
    assert numbers(OpenCVDecoder(path, num_frames), positions) == positions


def test_steps_only_where_seeking_gains_nothing(path, monkeypatch):
    steps = []
    advance = OpenCVDecoder.advance

    def counted(self):
        steps.append(self.position + 1)
        return advance(self)

    monkeypatch.setattr(OpenCVDecoder, "advance", counted)
    # Frames 5 and 20: OpenCV would seek to the first key frame.
    # Frame 100: a seek. Frame 103 lies behind the key frame of the cursor.
    positions = [5, 20, 100, 103]
    assert numbers(OpenCVDecoder(path, 120), positions) == positions
    assert steps == [*range(21), 101, 102, 103]
    steps.clear()
    assert numbers(OpenCVDecoder(path), positions) == positions
    assert steps == list(range(104))


@pytest.mark.parametrize(
    "stamps",
    [
        np.arange(120) * 2,
        np.arange(120) + 1,
        np.r_[np.arange(90), np.arange(91, 121)],
    ],
    ids=["doubled", "shifted", "hole"],
)
def test_wrong_index_is_noticed(path, monkeypatch, stamps):
    index = PacketIndex(stamps, np.arange(0, 120, 12))
    monkeypatch.setattr(PacketIndex, "from_file", lambda *_: index)
    with pytest.raises(PositionError):
        numbers(OpenCVDecoder(path, 120), [0, 1, 85, 95])


def test_end(path):
    decoder = OpenCVDecoder(path)
    assert not decoder.advance_to(120)
    assert decoder.position == 119
    assert decoder.size == (48, 128)
    assert decoder.frame_rate == 25
    decoder.close()


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
    assert [index.frame_at(stamp) for stamp in range(-1, 8)] == [
        None,
        0,
        None,
        1,
        None,
        None,
        2,
        3,
        None,
    ]
    before = [index.key_frame_before(stamp) for stamp in (-9, 0, 4, 5, 99)]
    assert before == [0, 0, 0, 2, 2]


def test_only_containers_with_time_stamps(tmp_path):
    path = str(numbered_video.write(tmp_path / "video.mp4", 30))
    index = PacketIndex.from_file(path, 30)
    np.testing.assert_array_equal(index.stamps, np.arange(30))
    np.testing.assert_array_equal(index.key_frames, [0, 12, 24])
    assert PacketIndex.from_file(path, 29) is None
    path = str(numbered_video.write(tmp_path / "video.avi", 30))
    assert PacketIndex.from_file(path, 30) is None


def test_remembers_until_the_file_changes(tmp_path):
    path = str(numbered_video.write(tmp_path / "video.mp4", 30))
    index = PacketIndex.from_file(path, 30)
    assert PacketIndex.from_file(path, 30) is index
    status = os.stat(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert PacketIndex.from_file(path, 30) is not index


def test_one_thread_and_raw_packets(tmp_path):
    path = str(numbered_video.write(tmp_path / "video.mp4", 3))
    opened = opencv_decoder.open_capture(path)
    assert opened.get(cv2.CAP_PROP_N_THREADS) == 1
    assert opened.read()[1].shape == (48, 128, 3)
    opened.release()
    opened = opencv_decoder.open_capture(path, raw=True)
    packet = opened.read()[1]
    assert 0 < packet.size < 48 * 128
    opened.release()


def test_log_is_silent_only_inside(tmp_path, capfd):
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    silence = opencv_decoder._silence
    before = opencv_decoder._log.getLogLevel()
    with silence, silence:
        assert not opencv_decoder.open_capture(str(path)).isOpened()
        assert opencv_decoder._log.getLogLevel() == 0
    assert opencv_decoder._log.getLogLevel() == before != 0
    assert capfd.readouterr().err == ""
