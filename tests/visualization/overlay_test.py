import numpy as np
import pytest

from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.videos import video
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


@pytest.mark.parametrize("size", [(48, 128), (33, 47)])
def test_every_frame_has_the_labels_of_its_window(tmp_path, size):
    stream = OddFrames(size)
    if size == (48, 128):
        stream = FileStream(numbered_video.write(tmp_path / "a.mp4", 60))
    out = tmp_path / "new" / "out.mp4"
    overlay.write(timeline([0.9, 0.4]), stream, out, top=1)
    info = video.probe(out)
    even = tuple(side + side % 2 for side in size)
    assert (info.num_frames, info.height, info.width) == (60, *even)
    assert info.frame_rate == pytest.approx(25)
    # The middles of the windows are at .5 and 1.5 s: from 1 s on, frame 25,
    # the second is nearer, with a shorter bar of its best class.
    column = round(0.8 * size[1])
    long = [
        bool(frame[size[0] - 4 : size[0], column, 2].mean() > 100)
        for frame in video.iter_frames(out)
    ]
    assert long == [True] * 25 + [False] * 35
    assert [p.name for p in out.parent.iterdir()] == ["out.mp4"]


class OddFrames:
    """A stream; OpenCV writes no files of odd sizes."""

    frame_rate = 25

    def __init__(self, size):
        self._size = size

    def frames(self, hold):
        for index in range(60):
            yield index, index / 25, np.zeros((*self._size, 3), np.uint8)


def test_what_cannot_be_written(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 30)
    stream = FileStream(path)
    with pytest.raises(ValueError, match="ends in .mp4. Received: 'a.avi'"):
        overlay.write(timeline([0.5]), stream, "a.avi")

    class Broken:
        def __init__(self, *arguments):
            pass

        def write(self, frame):
            pass

        def release(self):
            pass

    monkeypatch.setattr(overlay.cv2, "VideoWriter", Broken)
    out = tmp_path / "out.mp4"
    with pytest.raises(RuntimeError, match="Expected 30 frames of"):
        overlay.write(timeline([0.5]), stream, out)
    assert not out.exists() and len(list(tmp_path.iterdir())) == 1
