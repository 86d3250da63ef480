import re

import numpy as np
import pytest

from keras_vidrec.serving.demo.taken import Taken
from keras_vidrec.videos import video
from keras_vidrec.videos.errors import VideoError
from tests.serving.demo.clips import write_mp4


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_an_upload_is_moved_and_goes_with_its_folder(home, tmp_path):
    path = write_mp4(tmp_path / "clip.mp4")
    taken = Taken(home, path, 60.0, move=True)
    assert not path.exists() and taken.path.is_file()
    # Browsers play it as it is.
    assert taken.shown == taken.path and taken.name == "clip.mp4"
    assert taken.seconds == pytest.approx(2.0, abs=0.2)
    taken.drop()
    taken.drop()
    assert not [*home.iterdir()]


def test_an_example_stays_where_it_is(home, tmp_path):
    path = write_mp4(tmp_path / "clip.mp4")
    taken = Taken(home, path, 60.0)
    assert taken.path == path and home in taken.shown.parents
    assert taken.shown.read_bytes() == path.read_bytes()
    taken.drop()
    assert path.is_file() and not [*home.iterdir()]


def test_what_browsers_do_not_play_is_written_anew(home, small_videos):
    path = min(small_videos.rglob("*.avi"))
    taken = Taken(home, path, 60.0)
    before, after = video.probe(path), video.probe(taken.shown)
    assert before.codec == "mpeg4" and after.codec == "h264"
    # Each frame when it was, so that seconds mean the same.
    np.testing.assert_allclose(
        video.frame_times(taken.shown), video.frame_times(path), atol=1e-3
    )
    first, again = (
        next(video.iter_frames(path)),
        next(video.iter_frames(taken.shown)),
    )
    assert np.abs(first.astype(int) - again).mean() < 12


def test_what_is_refused_leaves_nothing(home, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    with pytest.raises(VideoError, match="no frame of a video"):
        Taken(home, text, 60.0, move=True)
    long = write_mp4(tmp_path / "long.mp4", seconds=3.0)
    with pytest.raises(VideoError, match=r"longer than the 2 seconds.*Cut it"):
        Taken(home, long, 2.0)
    # Whatever the header says: the packets are asked.
    lying = bytearray(write_mp4(tmp_path / "l.mp4", 3.0).read_bytes())
    for match in re.finditer(b"mvhd|mdhd|tkhd", bytes(lying)):
        place = match.end() + (20 if match[0] == b"tkhd" else 16)
        lying[place : place + 4] = (1).to_bytes(4, "big")
    (tmp_path / "l.mp4").write_bytes(bytes(lying))
    with pytest.raises(VideoError, match="longer than the 2 seconds"):
        Taken(home, tmp_path / "l.mp4", 2.0)
    assert not [*home.iterdir()] and long.is_file()
