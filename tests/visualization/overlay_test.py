import errno

import av
import numpy as np
import pytest

from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.videos import video
from keras_vidrec.videos import video_writer
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.visualization import overlay
from tests.data import numbered_video


def timeline(probabilities):
    windows = [
        WindowPrediction(t, t + 1.0, np.array([p, 1 - p]))
        for t, p in enumerate(probabilities)
    ]
    return Timeline("a.mp4", ("jump", "rün"), windows)


def test_bars_are_as_long_as_the_probabilities():
    frame = np.full((180, 200, 3), 200, np.uint8)
    drawn = overlay.draw(frame, [("jump", 0.75), ("run", 0.25)])
    assert drawn.shape == frame.shape and (frame == 200).all()
    # Lines of 10 pixels at the bottom; the rest is as it was.
    np.testing.assert_array_equal(drawn[:160], frame[:160])
    for bottom, length in ((161, 150), (171, 50)):
        blue = (drawn[bottom] == (0, 114, 178)).all(axis=-1)
        assert np.flatnonzero(blue).max() == length
    letters = (drawn[160:] > 240).all(axis=-1)
    assert letters.any()


class Frames:
    """A stream of frames that come when they are wanted."""

    frame_rate = 25

    def __init__(self, size, seconds):
        self._size = size
        self._seconds = seconds

    def own_frames(self):
        for seconds in self._seconds:
            yield seconds, np.zeros((*self._size, 3), np.uint8)


def long_bars(path, height, width):
    """Whether the bar of each frame is long."""
    return [
        bool(frame[height - 4 : height, round(0.8 * width), 2].mean() > 100)
        for frame in video.iter_frames(path)
    ]


def test_every_frame_has_the_labels_of_its_window(tmp_path):
    stream = FileStream(numbered_video.write(tmp_path / "a.mp4", 60))
    out = tmp_path / "new" / "out.mp4"
    overlay.write(timeline([0.9, 0.4]), stream, out, top=1)
    info = video.probe(out)
    assert (info.num_frames, info.height, info.width) == (60, 48, 128)
    assert info.frame_rate == pytest.approx(25)
    # The middles of the windows are at .5 and 1.5 s: from 1 s on, frame 25,
    # the second is nearer, with a shorter bar of its best class.
    assert long_bars(out, 48, 128) == [True] * 25 + [False] * 35
    assert [p.name for p in out.parent.iterdir()] == ["out.mp4"]
    # The upper part is the video.
    for index, frame in enumerate(video.iter_frames(out)):
        assert numbered_video.number(frame) == index


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize(
    "size, seconds",
    [
        # A late beginning, a leap, and the least steps.
        ((48, 128), [0.5, 0.54, 0.58, 0.6, 1.2, 1.24, 70.0, 70.001]),
        ((33, 47), np.arange(5) * 1001 / 30000),
    ],
)
def test_frames_are_shown_when_they_are_in_the_video(
    tmp_path, monkeypatch, codec, size, seconds
):
    monkeypatch.setattr(video_writer, "CODEC", codec)
    out = tmp_path / "out.mp4"
    overlay.write(timeline([0.9, 0.4]), Frames(size, seconds), out, top=1)
    info = video.probe(out)
    even = tuple(side + side % 2 for side in size)
    assert (info.num_frames, info.height, info.width) == (len(seconds), *even)
    assert info.codec == {"libx264": "h264"}.get(codec, codec)
    seconds = np.array(seconds)
    np.testing.assert_allclose(
        video.frame_times(out), seconds - seconds[0], atol=2 / 60000
    )
    with av.open(str(out)) as written:
        begin = written.start_time / av.time_base
    assert begin == pytest.approx(seconds[0], abs=1e-3)
    # Nearest to a window is the middle of the time that a frame is shown.
    middles = seconds + np.diff(seconds, append=2 * seconds[-1]) / 2
    assert long_bars(out, *size)[:-1] == (middles < 1).tolist()[:-1]


def test_what_cannot_be_written(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 30)
    stream = FileStream(path)
    with pytest.raises(ValueError, match="ends in .mp4. Received: 'a.avi'"):
        overlay.write(timeline([0.5]), stream, "a.avi")
    out = tmp_path / "out.mp4"

    def no_space(self, frame, seconds):
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(video_writer.VideoWriter, "write", no_space)
    with pytest.raises(RuntimeError, match=r"out.mp4'.* No space left"):
        overlay.write(timeline([0.5]), stream, out)
    monkeypatch.setattr(video_writer.VideoWriter, "write", lambda *frame: None)
    with pytest.raises(RuntimeError, match="Expected 30 frames of"):
        overlay.write(timeline([0.5]), stream, out)
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
