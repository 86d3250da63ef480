import os
import subprocess
import threading
import time
import types

import av
import av.device
import imageio_ffmpeg
import numpy as np
import pytest

from keras_vidrec.videos import camera_stream
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos import video
from keras_vidrec.videos.camera_stream import CameraStream
from tests.data import numbered_video
from tests.videos import encodings


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """What an address may lead to: 100 numbered frames, 25 a second."""
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    return numbered_video.write(path, 100)


def readers():
    """Threads that read cameras."""
    return [t for t in threading.enumerate() if "_read" in t.name]


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


def test_a_slow_taker_gets_the_newest_frames(film):
    stream = CameraStream(str(film))
    frames = stream.frames(10)
    indices = [next(frames)[0]]
    while readers():  # until all others have come
        readers()[0].join(10)
    indices += [index for index, *_ in frames]
    assert indices[-10:] == list(range(90, 100)) and len(indices) <= 11
    assert stream.num_skipped == 100 - len(indices)


def test_a_camera_is_given_back_in_the_middle(live):
    stream = CameraStream(live(100_000, paced=True))
    frames = stream.frames(5)
    next(frames)
    begin = time.monotonic()
    frames.close()
    assert time.monotonic() - begin < 4
    assert not stream._container.streams.video  # closed


def test_frames_as_the_network_wants_them(film, encodings):
    stream = CameraStream(str(film), fps=5)
    assert stream.frame_rate == 5
    found = [(s, numbered_video.number(x)) for _, s, x in stream.frames(100)]
    assert found == [(t / 5, 5 * t) for t in range(20)]
    path = encodings["h264 top field first"]
    stream = CameraStream(str(path), deinterlace="bob")
    frames = video.iter_frames(path, deinterlace="bob")
    assert stream.frame_rate == 50
    for frame, (*_, found) in zip(frames, stream.frames(99), strict=True):
        np.testing.assert_array_equal(found, frame)


def test_what_is_not_seen_for_long_is_in_no_frame(film, tmp_path):
    """Half the rate that is stated, and nothing from 1.2 to 3.6 s."""
    path = tmp_path / "a.mkv"
    times = "settb=1/25,setpts=2*N+60*gt(N\\,14)"
    encodings.ffmpeg(
        "-i", film, "-vf", times, "-fps_mode", "passthrough",
        "-frames:v", "25", "-c:v", "mpeg4", "-q:v", "2", path,
    )  # fmt: skip
    stream = CameraStream(str(path), frame_rate=25)
    indices, seconds, frames = zip(*stream.frames(200))
    assert stream.num_skipped == 0
    gap = [t for t, step in enumerate(np.diff(indices)) if step > 1]
    assert [(indices[t], indices[t + 1]) for t in gap] == [(28, 90)]
    np.testing.assert_allclose(seconds, np.array(indices) / 25)
    numbers = [numbered_video.number(frame) for frame in frames]
    for t in range(15):
        assert numbers[indices.index(2 * t)] == t
    for t in range(15, 25):
        assert numbers[indices.index(60 + 2 * t)] == t


def test_without_time_stamps_arrival_counts(encodings, monkeypatch):
    path = str(encodings["h264 without times"])
    stream = CameraStream(path, frame_rate=20)
    ticks = iter(np.arange(100, 200, 0.1))
    clock = types.SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr(camera_stream, "time", clock)
    indices, seconds, frames = zip(*stream.frames(100))
    assert indices == tuple(range(20))  # 10 frames, 10 a second
    assert seconds == tuple(t / 20 for t in range(20))
    for t, frame in enumerate(video.iter_frames(path)):
        np.testing.assert_array_equal(frames[2 * t], frame)


def test_no_camera(tmp_path):
    for device in ("99", "http://127.0.0.1:9/", str(tmp_path / "none")):
        message = f"'{device}', which FFmpeg cannot open"
        with pytest.raises(ValueError, match=message):
            CameraStream(device)
    sound = tmp_path / "sound.wav"
    encodings.ffmpeg("-f", "lavfi", "-i", "sine=d=1", sound)
    with pytest.raises(ValueError, match="cannot open"):
        CameraStream(str(sound))
    with pytest.raises(ValueError, match="Received: deinterlace='both'"):
        CameraStream("99", deinterlace="both")
    with pytest.raises(ValueError, match="Received: fps=0"):
        CameraStream("99", fps=0)


def test_a_camera_without_a_frame_rate(film, monkeypatch):
    monkeypatch.setattr(time_stamps, "stated_rate", lambda stream: None)
    with pytest.raises(ValueError, match="does not state its frame rate"):
        CameraStream(str(film))
    assert CameraStream(str(film), 30).frame_rate == 30
    assert CameraStream(str(film), fps=15).frame_rate == 15


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
