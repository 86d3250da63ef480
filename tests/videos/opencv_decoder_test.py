import numpy as np
import pytest

from keras_vidrec.videos.opencv_decoder import OpenCVDecoder
from keras_vidrec.videos.opencv_decoder import PositionError
from keras_vidrec.videos.packet_index import PacketIndex
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
