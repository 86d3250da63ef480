import io

import numpy as np
import pytest

from keras_vidrec.videos import video
from keras_vidrec.videos.frame_stream import FileStream
from tests.data import numbered_video
from tests.videos import encodings


def taken(stream):
    """Numbers, and seconds, of what a stream yields."""
    numbers, seconds, _ = zip(*stream.frames(1))
    return list(numbers), list(seconds)


def test_a_file(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 9)
    stream = FileStream(path)
    assert stream.frame_rate == 25 and stream.name == str(path)
    assert stream.num_skipped == 0 and stream.health is None
    found = [(t, s, numbered_video.number(x)) for t, s, x in stream.frames(1)]
    assert found == [(t, t / 25, t) for t in range(9)]
    assert stream.health == video.probe(path)
    assert len(list(stream.frames(1))) == 9  # again
    open_file = io.BytesIO(path.read_bytes())
    open_file.name = "far/a.mp4"
    far = FileStream(open_file)
    assert far.name == "far/a.mp4" and taken(far) == taken(stream)


def test_files_that_cannot_be_streamed(tmp_path):
    with pytest.raises(video.VideoError, match="it does not exist"):
        FileStream(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="Received: deinterlace='both'"):
        FileStream(tmp_path / "a.mp4", deinterlace="both")
    with pytest.raises(ValueError, match="Received: frame_rate=0"):
        FileStream(tmp_path / "a.mp4", 0)
    with pytest.raises(ValueError, match="Received: fps=-5"):
        FileStream(tmp_path / "a.mp4", fps=-5)


@pytest.mark.parametrize(
    "name, rate, num_frames",
    [
        ("h264 1 fps", 1, 8),
        ("h264 1000 fps", 1000, None),
        ("mpeg4 avi b-frames", 50, 10),
        ("mpeg2 fields vob", 25, 5),
        ("negative times", 50, 10),
        ("late times", 50, 10),  # from 3 s on, nothing before
        ("gif", 50, 10),
    ],
)
def test_steady_files_pass_untouched(encodings, name, rate, num_frames):
    path = encodings[name]
    stream = FileStream(path)
    numbers, seconds = taken(stream)
    expected = np.arange(num_frames or stream.health.num_frames)
    assert stream.frame_rate == rate and numbers == expected.tolist()
    np.testing.assert_allclose(seconds, expected / rate, atol=1e-9)
    for frame, (*_, found) in zip(video.iter_frames(path), stream.frames(1)):
        np.testing.assert_array_equal(found, frame)


def test_dv_has_not_60000_frames_a_second(tmp_path):
    path = encodings.encode(
        tmp_path / "a.dv",
        ("-vf", "scale=720:576,fps=25", "-c:v", "dvvideo", "-frames:v", "4",
         "-pix_fmt", "yuv420p"),
    )  # fmt: skip
    stream = FileStream(path)
    assert stream.frame_rate == 25
    assert taken(stream) == ([0, 1, 2, 3], [0, 0.04, 0.08, 0.12])


def write_variable(path):
    """Numbered frames: 10 of 25 a second, then 4 of 2.5 a second: 2 s."""
    steady = numbered_video.write(path.with_name("steady.avi"), 14, "FFV1")
    encodings.ffmpeg(
        "-i", steady, "-vf", "settb=1/100,setpts=4*N+36*max(N-10\\,0)",
        "-fps_mode", "passthrough", *encodings.X264,
        "yuv420p", path,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_seconds_are_true_where_the_rate_varies(tmp_path, name):
    stream = FileStream(write_variable(tmp_path / name))
    assert stream.frame_rate == pytest.approx(25)
    found = [numbered_video.number(frame) for *_, frame in stream.frames(1)]
    assert stream.health.variable_rate and len(found) == 50
    # Each is shown around its time; of 0.36 s and 0.4 s the middle is 0.38 s.
    assert found[:11] == list(range(11))
    assert [found.index(t) for t in (11, 12, 13)] == [15, 25, 35]
    own = [(s, numbered_video.number(x)) for s, x in stream.own_frames()]
    expected = [*np.arange(10) / 25, 0.4, 0.8, 1.2, 1.6]
    assert [number for _, number in own] == list(range(14))
    np.testing.assert_allclose([s for s, _ in own], expected, atol=1e-3)


def test_frames_a_second_as_the_network_wants_them(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 50)
    stream = FileStream(path, fps=5)
    assert stream.frame_rate == 5
    found = [(s, numbered_video.number(x)) for _, s, x in stream.frames(1)]
    assert found == [(t / 5, 5 * t) for t in range(10)]
    # Of a file that is told to have 50 a second: 1 s.
    told = FileStream(path, 50, fps=5)
    found = [(s, numbered_video.number(x)) for _, s, x in told.frames(1)]
    assert found == [(t / 5, 10 * t) for t in range(5)]


def test_a_picture_that_begins_after_the_sound(tmp_path):
    path = tmp_path / "a.mp4"
    encodings.ffmpeg(
        "-f", "lavfi", "-i", "sine=d=3", "-itsoffset", "1.5", "-f", "lavfi",
        "-i", encodings.PICTURES, "-c:v", "mpeg4", "-c:a", "aac", path,
    )  # fmt: skip
    numbers, seconds = taken(FileStream(path))
    assert numbers == list(range(10))
    np.testing.assert_allclose(seconds, 1.5 + np.arange(10) / 50, atol=1e-3)
    own = [s for s, _ in FileStream(path).own_frames()]
    np.testing.assert_allclose(own, seconds, atol=1e-9)
    assert taken(FileStream(path, 50))[1][0] == 0  # whatever they say


def test_a_file_without_time_stamps(encodings):
    path = encodings["h264 without times"]
    with pytest.raises(video.VideoError, match="Expected `frame_rate`"):
        FileStream(path)
    with pytest.raises(video.VideoError, match="Expected `frame_rate`"):
        FileStream(path, fps=10)
    numbers, seconds = taken(FileStream(path, 20))
    assert numbers == list(range(10))
    assert seconds == [t / 20 for t in range(10)]
    # Whatever a file says, it is told.
    assert taken(FileStream(encodings["h264"], 20)) == (numbers, seconds)


def test_fields(encodings):
    path = encodings["h264 top field first"]
    for how, rate in (("yadif", 25), ("bob", 50)):
        stream = FileStream(path, deinterlace=how)
        numbers, seconds = taken(stream)
        assert stream.frame_rate == rate and stream.health.interlaced
        assert len(numbers) == stream.health.num_frames == rate / 5
        np.testing.assert_allclose(seconds, np.arange(rate / 5) / rate)
        frames = video.iter_frames(path, deinterlace=how)
        for frame, (*_, found) in zip(frames, stream.frames(1), strict=True):
            np.testing.assert_array_equal(found, frame)
