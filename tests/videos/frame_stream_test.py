import os
import subprocess
import threading
import time

import av
import av.device
import imageio_ffmpeg
import numpy as np
import pytest

from keras_vidrec.videos import camera_stream
from keras_vidrec.videos import video
from keras_vidrec.videos.camera_stream import CameraStream
from keras_vidrec.videos.frame_stream import FileStream
from tests.data import numbered_video
from tests.videos import encodings as tables


def test_a_file(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 9)
    stream = FileStream(path)
    assert stream.frame_rate == 25 and stream.name == str(path)
    assert stream.num_skipped == 0 and stream.health is None
    found = [
        (t, round(seconds, 9), numbered_video.number(x))
        for t, seconds, x in stream.frames(1)
    ]
    assert found == [(t, t / 25, t) for t in range(9)]
    assert stream.health == video.probe(path)
    assert len(list(stream.frames(1))) == 9  # again
    with open(path, "rb") as file:
        assert len(list(FileStream(file).frames(1))) == 9


def test_a_rate_that_the_user_knows_better(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 9)
    stream = FileStream(path, 12.5)
    assert stream.frame_rate == 12.5
    assert [seconds for _, seconds, _ in stream.frames(1)] == [
        t / 12.5 for t in range(9)
    ]


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(video.VideoError, match="there is no such file"):
        FileStream(tmp_path / "a.mp4")


def test_a_file_without_times(encodings):
    path = encodings["h264 without times"]
    with pytest.raises(video.VideoError, match="Expected `frame_rate`"):
        FileStream(path)
    assert len(list(FileStream(path, 30).frames(1))) == 10


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
def test_a_variable_rate_is_told_evenly(tmp_path, name):
    """Black for 2 s at 25 frames a second, then white for 10 s at 2.5."""
    path = tmp_path / name
    tables.ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=2",
        "-f", "lavfi", "-i", "color=white:s=64x48:r=25:d=10",
        "-filter_complex",
        "[0][1]concat,select='lt(t,2)+not(mod(n,10))'",
        "-fps_mode", "vfr", *tables.X264, "yuv420p", "-bf", "0", path,
    )  # fmt: skip
    health = video.probe(path)
    assert health.variable_rate and health.num_frames == 75
    stream = FileStream(path)
    found = [(s, frame.mean() > 100) for _, s, frame in stream.frames(1)]
    seconds = [s for s, _ in found]
    np.testing.assert_allclose(np.diff(seconds), 1 / stream.frame_rate)
    assert seconds[-1] == pytest.approx(11.6, abs=0.7)
    change = next(s for s, white in found if white)
    assert change == pytest.approx(2, abs=0.25)


class Live:
    """A camera: a pipe into which the ffmpeg program writes pictures, each of
    which is lighter than the one before."""

    def __init__(self, path, num_frames, *, paced):
        self.path = str(path)
        os.mkfifo(path)
        self._process = subprocess.Popen(
            [
                imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin",
                "-y", *(["-re"] if paced else []), "-f", "lavfi", "-i",
                "color=black:s=64x48:r=50,geq=lum=16+2*N:cb=128:cr=128",
                "-frames:v", str(num_frames), "-c:v", "mpeg2video", "-q:v",
                "2", "-bf", "0", "-g", "1", "-f", "mpegts", self.path,
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def end(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def live(tmp_path):
    cameras = []

    def begin(num_frames, paced=False):
        path = tmp_path / f"camera-{len(cameras)}"
        cameras.append(Live(path, num_frames, paced=paced))
        return cameras[-1].path

    yield begin
    for camera in cameras:
        camera.end()


def test_a_camera_in_time(live):
    path = live(60)
    stream = CameraStream(path)
    assert stream.frame_rate == 50 and stream.name == f"camera {path}"
    found = list(stream.frames(100))
    assert [index for index, _, _ in found] == list(range(60))
    seconds = [seconds for _, seconds, _ in found]
    np.testing.assert_allclose(seconds, np.arange(60) / 50, atol=1e-4)
    light = [frame.mean() for _, _, frame in found]
    assert (np.diff(light) > 0).all() and found[0][2].shape == (48, 64, 3)
    assert stream.num_skipped == 0


def test_a_slow_taker_gets_the_newest_frames(live):
    stream = CameraStream(live(100))
    frames = stream.frames(10)
    first = next(frames)[0]
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)  # all others have come meanwhile
    rest = [index for index, _, _ in frames]
    assert rest == list(range(max(first + 1, 90), 100))
    assert stream.num_skipped == 99 - len(rest)


def test_a_camera_is_given_back_in_the_middle(live):
    stream = CameraStream(live(100_000, paced=True))
    frames = stream.frames(5)
    next(frames)
    begin = time.monotonic()
    frames.close()
    assert time.monotonic() - begin < 4
    assert not stream._container.streams.video  # closed


def test_no_camera(tmp_path):
    for device in ("99", "http://127.0.0.1:9/", str(tmp_path / "none")):
        message = f"'{device}', which FFmpeg cannot open"
        with pytest.raises(ValueError, match=message):
            CameraStream(device)
    sound = tmp_path / "sound.wav"
    tables.ffmpeg("-f", "lavfi", "-i", "sine=d=1", sound)
    with pytest.raises(ValueError, match="cannot open"):
        CameraStream(str(sound))


def test_a_camera_without_a_frame_rate(live, monkeypatch):
    path = live(60)
    monkeypatch.setattr(
        camera_stream.time_stamps, "stated_rate", lambda stream: None
    )
    with pytest.raises(ValueError, match="does not state its frame rate"):
        CameraStream(path)
    assert CameraStream(live(60), 30).frame_rate == 30


@pytest.mark.parametrize(
    "system, name",
    [("v4l2", "/dev/video1"), ("avfoundation", "1:none"),
     ("dshow", "video=Second")],
)  # fmt: skip
def test_cameras_by_number(monkeypatch, system, name):
    cameras = [
        av.device.DeviceInfo("Sound", "", False, ["audio"]),
        av.device.DeviceInfo("First", "", True, ["video"]),
        av.device.DeviceInfo("Second", "", False, ["video"]),
    ]
    monkeypatch.setattr(
        av.device, "enumerate_input_devices", lambda system: cameras
    )
    assert camera_stream._device_name(1, system) == name
