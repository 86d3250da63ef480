import threading

import cv2
import numpy as np
import pytest

from keras_vidrec.videos import video
from keras_vidrec.videos.frame_stream import CameraStream
from keras_vidrec.videos.frame_stream import FileStream
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
