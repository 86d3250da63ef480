import sys

import numpy as np
import pytest

from keras_vidrec.videos.opencv_decoder import OpenCVDecoder
from keras_vidrec.videos.pyav_decoder import PyAVDecoder
from tests.data import numbered_video

av = pytest.importorskip("av")


def read(decoder):
    frames = []
    while decoder.advance():
        frames.append(decoder.retrieve())
    decoder.close()
    return np.stack(frames)


@pytest.mark.parametrize("codec,name", [("mp4v", "a.mp4"), ("MJPG", "a.avi")])
def test_agrees_with_opencv(tmp_path, codec, name):
    path = str(numbered_video.write(tmp_path / name, 20, codec))
    decoder = PyAVDecoder(path)
    assert decoder.size == (48, 128)
    assert decoder.frame_rate == 25
    frames = read(decoder)
    assert decoder.position == 19
    assert [numbered_video.number(f) for f in frames] == list(range(20))
    wanted = read(OpenCVDecoder(path))
    assert np.abs(frames.astype(int) - wanted).max() <= 4


@pytest.mark.parametrize("degrees", ["0", "90", "270"])
def test_rotation_agrees_with_opencv(real_data, degrees):
    path = str(real_data / f"odd_videos/video_{degrees}.mov")
    height, width = (320, 568) if degrees == "0" else (568, 320)
    frames = read(PyAVDecoder(path))
    wanted = read(OpenCVDecoder(path))
    assert frames.shape == wanted.shape == (3, height, width, 3)
    assert np.abs(frames.astype(int) - wanted).mean() < 1


def test_metadata_that_is_not_utf8(real_data):
    (path,) = (real_data / "hmdb51_clips").glob("*cartwheel*.avi")
    assert len(read(PyAVDecoder(str(path)))) == 83


@pytest.mark.parametrize("decoder", [OpenCVDecoder, PyAVDecoder])
def test_other_sizes_are_scaled_to_the_first(tmp_path, decoder):
    parts = []
    for width, height, gray in ((128, 96, 60), (256, 192, 200)):
        part = str(tmp_path / f"{width}.ts")
        with av.open(part, "w") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuv420p"
            image = np.full((height, width, 3), gray, np.uint8)
            image[: height // 2] = 0
            for _ in range(10):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with open(part, "rb") as file:
            parts.append(file.read())
    path = tmp_path / "change.ts"
    path.write_bytes(b"".join(parts))
    frames = read(decoder(str(path)))
    assert frames.shape[1:] == (96, 128, 3)
    assert len(frames) >= 19
    lower = frames[:, 60:].mean((1, 2, 3))
    assert abs(lower[0] - 60) < 4
    assert abs(lower[-1] - 200) < 4
    assert frames[-1, :40].mean() < 4


def test_no_video(tmp_path):
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    decoder = PyAVDecoder(str(path))
    assert not decoder.advance()
    decoder.close()


def test_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError):
        PyAVDecoder(str(tmp_path))
