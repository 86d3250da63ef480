import numpy as np
import pytest

from keras_vidrec.videos import video
from keras_vidrec.videos.decoder import Decoder
from keras_vidrec.videos.packet_index import PacketIndex
from keras_vidrec.videos.packet_index import PositionError
from tests.data import numbered_video
from tests.videos import encodings as tables


@pytest.fixture
def path(tmp_path):
    return str(numbered_video.write(tmp_path / "video.mp4", 120))


def numbers(path, num_frames, positions):
    found = []
    with video.opened(path, num_frames) as decoder:
        for position in positions:
            assert decoder.advance_to(position)
            assert decoder.position == position
            found.append(numbered_video.number(decoder.retrieve()))
    return found


@pytest.mark.parametrize("num_frames", [None, 120])
def test_goes_where_it_is_told(path, num_frames):
    positions = [0, 0, 1, 28, 29, 30, 47, 48, 63, 64, 65, 110, 119]
    assert numbers(path, num_frames, positions) == positions


def test_steps_only_where_seeking_gains_nothing(path, monkeypatch):
    steps = []
    advance = Decoder.advance

    def counted(self):
        steps.append(self.position + 1)
        return advance(self)

    monkeypatch.setattr(Decoder, "advance", counted)
    # Every 12th is a key frame: 13 is next to one, 100 a seek to 96, and 103
    # behind the key frame of the cursor.
    positions = [5, 11, 13, 100, 103]
    assert numbers(path, 120, positions) == positions
    assert steps == [*range(14), *range(97, 104)]
    steps.clear()
    assert numbers(path, None, positions) == positions
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
    index = PacketIndex(stamps * 512, np.arange(0, 120, 12))
    monkeypatch.setattr(PacketIndex, "from_file", lambda *_: index)
    with pytest.raises(PositionError):
        numbers(path, 120, [0, 1, 85, 95])


def test_end(path):
    with video.opened(path) as decoder:
        assert not decoder.advance_to(120)
        assert decoder.position == 119 and decoder.size == (48, 128)


# Closed and open groups of pictures, key frames that refresh bit by bit, and
# containers that find by other times than they show.
GROUPS = {
    "closed.mp4": ("-c:v", "libx264", "-bf", "3", "-g", "12"),
    "open.mkv": (
        "-c:v", "libx264", "-bf", "3", "-g", "12", "-x264-params",
        "open-gop=1",
    ),
    "open.mp4": (
        "-c:v", "libx265", "-g", "12", "-x265-params",
        "open-gop=1:log-level=none:pools=none",
    ),
    "refresh.mp4": (
        "-c:v", "libx264", "-g", "12", "-x264-params", "intra-refresh=1",
    ),
    "short.mov": ("-c:v", "libx264", "-bf", "2", "-g", "3"),
    "av1.webm": (
        "-c:v", "libsvtav1", "-preset", "12", "-g", "12",
        "-svtav1-params", "lp=1",
    ),
    "spared.mp4": ("-c:v", "mpeg4", "-bf", "2", "-g", "30"),
    "fields.mp4": (
        "-c:v", "libx264", "-bf", "3", "-b-pyramid", "none", "-flags",
        "+ilme+ildct",
    ),
    "cut.mp4": ("-c:v", "libx264", "-g", "12", "-ss", "0.3"),
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_a_seek_changes_no_pixel(tmp_path, name):
    path = tables.encode(
        tmp_path / name, GROUPS[name], "testsrc2=s=64x48:r=25:d=2.4"
    )
    frames = np.stack(list(video.iter_frames(path)))
    rng = np.random.default_rng(0)
    for _ in range(8):
        indices = rng.integers(0, len(frames), 3)
        read = video.read_frames(path, indices, len(frames))
        np.testing.assert_array_equal(read, frames[indices])


def test_frames_that_nothing_needs_are_not_decoded(tmp_path):
    arguments = ("-c:v", "libx264", "-bf", "3", "-b_strategy", "0")
    path = tables.encode(
        tmp_path / "a.mp4", arguments, "testsrc2=s=64x48:r=25:d=2.4"
    )
    wanted = np.array([31, 50])
    with video.opened(path, 60, wanted=wanted) as decoder:
        for index in wanted.tolist():
            assert decoder.advance_to(index) and decoder.position == index
        # Of four frames one or two are predicted from.
        assert len(decoder.stamps) < 0.7 * 50
    with video.opened(path, 60, wanted=wanted) as decoder:
        with pytest.raises(PositionError):
            for index in range(60):  # others are not to be had
                decoder.advance_to(index)


def test_memory_is_bound_by_frames_and_not_by_headers(tmp_path):
    """A header that claims 65535 x 65535 pixels, in two formats."""
    path = tables.encode(tmp_path / "a.avi", tables.MPEG4)
    content = path.read_bytes()
    wrong = b"\xff\xff\0\0\xff\xff\0\0"
    right = (64).to_bytes(4, "little") + (48).to_bytes(4, "little")
    assert content.count(right) >= 2
    path.write_bytes(content.replace(right, wrong))
    # MPEG-4 has its own header, which holds.
    try:
        assert video.probe(path).num_frames == 10
    except video.VideoError as error:
        assert "too large" in str(error)
    path = tables.encode(
        tmp_path / "b.avi", ("-c:v", "huffyuv", "-pix_fmt", "yuv422p")
    )
    path.write_bytes(path.read_bytes().replace(right, wrong))
    message = "too large|at most 33554432 pixels"
    with pytest.raises(video.VideoError, match=message):
        video.read_frames(path, [0], 10)
