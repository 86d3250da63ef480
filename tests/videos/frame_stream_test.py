import threading

import cv2
import numpy as np
import pytest

from keras_vidrec.videos import video
from keras_vidrec.videos.frame_stream import CameraStream
from keras_vidrec.videos.frame_stream import CountedFile
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.videos.frame_stream import find_damage
from tests.data import numbered_video


class Camera:
    """A `cv2.VideoCapture` of numbered frames. After each of them named in
    `stops` it waits until `go` is set."""

    def __init__(self, num_frames, rate=25.0, stops=()):
        self._frames = iter(range(num_frames))
        self._rate = rate
        self._stops = stops
        self.go = threading.Event()
        self.ended = threading.Event()
        self.released = False

    def isOpened(self):
        return True

    def get(self, what):
        assert what == cv2.CAP_PROP_FPS
        return self._rate

    def read(self):
        number = next(self._frames, None)
        if number is None:
            self.ended.set()
            return False, None
        if number - 1 in self._stops:
            assert self.go.wait(10)
        return True, np.full((4, 6, 3), (number, 0, 255), np.uint8)

    def release(self):
        self.released = True


@pytest.fixture
def plug_in(monkeypatch):
    def plug_in(camera):
        opened = []
        monkeypatch.setattr(
            cv2, "VideoCapture", lambda what: opened.append(what) or camera
        )
        return opened

    return plug_in


def test_a_file(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 9)
    stream = FileStream(path)
    assert stream.frame_rate == 25 and stream.name == str(path)
    assert stream.num_skipped == 0
    found = [(t, numbered_video.number(x)) for t, x in stream.frames(1)]
    assert found == [(t, t) for t in range(9)]
    assert len(list(stream.frames(1))) == 9  # again
    assert FileStream(path, 12.5).frame_rate == 12.5


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(video.VideoError, match="there is no such file"):
        FileStream(tmp_path / "a.mp4")


def test_a_file_without_a_frame_rate(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 9)
    monkeypatch.setattr(video, "frame_rate", lambda path: 0.0)
    with pytest.raises(video.VideoError, match="Expected `frame_rate`"):
        FileStream(path)
    assert FileStream(path, 30).frame_rate == 30


def test_a_camera_in_time(plug_in):
    camera = Camera(20)
    opened = plug_in(camera)
    stream = CameraStream("0")
    assert opened == [0] and stream.frame_rate == 25
    assert stream.name == "camera 0"
    for expected, (index, frame) in enumerate(stream.frames(100)):
        assert index == expected
        np.testing.assert_array_equal(frame[0, 0], (255, 0, index))  # R G B
    assert index == 19 and stream.num_skipped == 0 and camera.released


def test_a_slow_taker_gets_the_newest_frames(plug_in):
    camera = Camera(100, stops=[0])
    plug_in(camera)
    stream = CameraStream("rtsp://camera")
    frames = stream.frames(10)
    assert next(frames)[0] == 0
    camera.go.set()
    assert camera.ended.wait(10)  # all others have come meanwhile
    assert [index for index, _ in frames] == list(range(90, 100))
    assert stream.num_skipped == 89 and camera.released


def test_a_camera_is_given_back_in_the_middle(plug_in):
    camera = Camera(100_000)
    plug_in(camera)
    frames = CameraStream("0").frames(5)
    next(frames)
    frames.close()
    assert camera.released and not camera.ended.is_set()


def test_no_camera():
    with pytest.raises(ValueError, match="'99', which OpenCV cannot open"):
        CameraStream("99")


def test_a_camera_without_a_frame_rate(plug_in):
    camera = Camera(3, rate=0.0)
    plug_in(camera)
    with pytest.raises(ValueError, match="does not state its frame rate"):
        CameraStream("0")
    assert camera.released
    assert CameraStream("0", 30).frame_rate == 30


def find(path):
    """What is damaged, told of the frames that decode."""
    info = video.probe(path)
    return info.num_frames, find_damage(path, info.num_frames, info.frame_rate)


def overwrite(path, start, stop):
    """Puts zeros from one share of a file to another."""
    content = bytearray(path.read_bytes())
    start, stop = int(len(content) * start), int(len(content) * stop)
    content[start:stop] = bytes(stop - start)
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_truncated_end(tmp_path, name):
    path = numbered_video.write(tmp_path / name, 150)
    assert find(path) == (150, "")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    num_frames, found = find(path)
    assert found == (
        "it is damaged: of the 150 frames that it states, the last "
        f"{150 - num_frames} are cut off."
    )


def test_packets_in_the_middle_that_do_not_decode(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 150)
    assert find(path) == (150, "")
    overwrite(path, 0.5, 0.6)
    num_frames, found = find(path)
    assert 0 < num_frames < 150
    assert found == (
        "it is damaged: of the 150 frames that it states, "
        f"{150 - num_frames} cannot be decoded; times behind a gap are too "
        "early."
    )


def test_the_frames_of_a_stream_are_counted_at_its_end(tmp_path):
    path = numbered_video.write(tmp_path / "a.avi", 12)
    stream = CountedFile(path)
    frames = stream.frames(hold=1)
    assert [next(frames)[0] for _ in range(11)] == [*range(11)]
    assert stream.num_frames is None
    assert [index for index, _ in frames] == [11]
    assert stream.num_frames == 12


def test_real_files(real_data):
    videos = real_data / "odd_videos"
    num_frames, found = find(videos / "corrupted.mp4")
    assert num_frames == 28
    assert "50 frames" in found and "2 cannot be decoded" in found
    assert "the last 17 are cut off" in found
    # Packets hidden by an edit list; stamps with gaps; B-frames in an AVI.
    for name in (
        "odd_videos/nasa_13013.mp4",
        "odd_videos/tree.avi",
        "ut_interaction/segmented_set1/0_1_4.avi",
    ):
        assert find(real_data / name)[1] == "", name
