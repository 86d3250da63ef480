"""The file alone reads the frames that the package reads."""

import numpy as np
import pytest

from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.export.standalone.decoding import Problem
from keras_vidrec.export.standalone.frames import Video
from keras_vidrec.specs import FrameSpec
from tests.videos import encodings as tables

AS_THEY_ARE = FrameSpec("short40")
RESAMPLED = FrameSpec("50x60", "bilinear", fps=17.0)
ENCODINGS = (
    "h264", "h264 variable rate", "h264 top field first", "h264 odd sides",
    "h264 full 444", "mpeg4 avi b-frames", "turned 90",
    "turned 270-display_hflip", "turned 180", "turned 422", "upside down",
    "edit list", "missing times", "cover first", "default is smaller",
    "size changes", "gif",
)  # fmt: skip


@pytest.fixture(scope="module")
def encodings(tmp_path_factory):
    return tables.Encodings(tmp_path_factory.mktemp("encodings"))


@pytest.mark.parametrize("frame", [AS_THEY_ARE, RESAMPLED])
@pytest.mark.parametrize("name", ENCODINGS)
def test_frames_are_those_of_the_package(encodings, name, frame):
    source = SingleVideo(encodings[name]).seen_as(frame)
    count = source.num_frames(0, "rgb")
    video = Video(str(encodings[name]), frame.to_dict())
    assert video.num_frames == count
    assert not video.remarks
    numbers = [0, count // 3, count // 2, count - 1]
    found = video.read(numbers)
    expected = source.read(0, "rgb", numbers)
    for number, image in zip(numbers, expected):
        np.testing.assert_array_equal(found[number], image)


def cut_off(path, share, directory):
    content = path.read_bytes()
    cut = directory / path.name
    cut.write_bytes(content[: int(share * len(content))])
    return cut


def test_a_file_that_is_cut_off_is_read_and_remarked(tmp_path):
    whole = tmp_path / "whole.avi"
    tables.encode(whole, tables.MPEG4, "testsrc2=s=64x48:r=25:d=2")
    (tmp_path / "cut").mkdir()
    cut = cut_off(whole, 0.6, tmp_path / "cut")
    video = Video(str(cut), AS_THEY_ARE.to_dict())
    source = SingleVideo(cut).seen_as(AS_THEY_ARE)
    assert video.num_frames == source.num_frames(0, "rgb") < 40
    (remark, *_) = [x for x in video.remarks if "cut off" in x]
    assert remark in source.health(0).remarks


@pytest.mark.parametrize(
    "content, problem",
    [
        (None, "there is no such file"),
        (b"", "it is empty"),
        (b"#EXTM3U\nhttp://example.org/a.ts\n", "no frame of a video"),
        (bytes(range(256)) * 64, "no frame of a video"),
    ],
)
def test_what_is_no_video(tmp_path, content, problem):
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Problem, match=problem):
        Video(str(path), AS_THEY_ARE.to_dict())


def test_a_header_without_its_frames(encodings, tmp_path):
    cut = cut_off(encodings["h264"], 0.3, tmp_path)
    with pytest.raises(Problem, match="no frame of a video"):
        Video(str(cut), AS_THEY_ARE.to_dict())


def test_a_high_dynamic_range_is_refused_by_name(tmp_path):
    curve = "log-level=none:pools=none:transfer=arib-std-b67"
    x265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", curve)
    path = tables.encode(
        tmp_path / "a.mov", (*x265, "-color_trc", "arib-std-b67")
    )
    with pytest.raises(Problem, match=r"high dynamic range \(HLG\)"):
        Video(str(path), AS_THEY_ARE.to_dict())


def test_frames_at_a_rate_need_their_times(encodings):
    path = str(encodings["h264 without times"])
    assert Video(path, AS_THEY_ARE.to_dict()).num_frames == 10
    with pytest.raises(Problem, match="cannot be derived from its time stamps"):
        Video(path, RESAMPLED.to_dict())
