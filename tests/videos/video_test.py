import json
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from keras_vidrec.videos.opencv_decoder import PacketIndex

from keras_vidrec.videos import opencv_decoder
from keras_vidrec.videos import video
from tests.data import numbered_video

FOLDERS = (
    "ucf101_clips",
    "hmdb51_clips",
    "kinetics_clips",
    "human_clips",
    "asl_gestures",
)
# Long and short groups of pictures, AVI with and without B-frames, hidden
# packets, time stamps with gaps, broken streams.
HANDFUL = (
    "kinetics_clips/SOX5yA1l24A.mp4",
    "human_clips/flipping_a_pancake.mkv",
    "human_clips/v_biking_01_01.mpg",
    "ucf101_clips/v_ApplyEyeMakeup_g01_c01.avi",
    "ucf101_clips/v_Kayaking_g12_c03.avi",
    "hmdb51_clips/RATRACE_wave_f_nm_np1_fr_goo_37.avi",
    "asl_gestures/brother.mkv",
    "ut_interaction/segmented_set1/0_1_4.avi",
    "odd_videos/bikes.mp4",
    "odd_videos/nasa_13013.mp4",
    "odd_videos/transparent.webm",
    "odd_videos/tree.avi",
)


def numbers(frames):
    return [numbered_video.number(frame) for frame in frames]


@pytest.mark.parametrize(
    "codec,name",
    [
        ("mp4v", "a.mp4"),
        ("mp4v", "a.avi"),
        ("mp4v", "a.mkv"),
        ("MJPG", "a.avi"),
    ],
)
def test_frames_are_exact(tmp_path, codec, name):
    path = numbered_video.write(tmp_path / name, 150, codec)
    assert video.probe(path) == video.VideoInfo(150, 48, 128, 25.0)
    frames = np.stack(list(video.iter_frames(str(path))))
    assert numbers(frames) == list(range(150))
    # R G B: the lower half is red.
    assert (frames[:, 30:].mean((0, 1, 2)) > 127).tolist() == [1, 0, 0]
    rng = np.random.default_rng(0)
    for size in (0, 1, 3, 9, 40):
        indices = rng.integers(0, 150, size)
        for num_frames in (None, 150):
            read = video.read_frames(path, indices, num_frames)
            assert read.dtype == np.uint8
            np.testing.assert_array_equal(read, frames[indices])


def test_wrong_stamps_lead_to_sequential_reading(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 120)
    for stamps in (np.arange(120) * 2, np.arange(120) + 3):
        index = PacketIndex(stamps, np.arange(0, 120, 12))
        monkeypatch.setattr(PacketIndex, "from_file", lambda *_: index)
        read = video.read_frames(path, [100, 0, 40], num_frames=120)
        assert numbers(read) == [100, 0, 40]


def test_frames_are_decoded_once(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.avi", 60, "MJPG")
    retrieved = []
    retrieve = opencv_decoder.OpenCVDecoder.retrieve

    def noted(self):
        retrieved.append(self.position)
        return retrieve(self)

    monkeypatch.setattr(opencv_decoder.OpenCVDecoder, "retrieve", noted)
    read = video.read_frames(path, [7, 3, 7, 7, 0])
    assert numbers(read) == [7, 3, 7, 7, 0]
    assert retrieved == [0, 3, 7]


@pytest.mark.parametrize("num_frames", [None, 20])
@pytest.mark.parametrize(
    "indices,received", [([3, 20], r"\[20\]"), ([-1, 2], r"\[-1\]")]
)
def test_indices_out_of_range(tmp_path, num_frames, indices, received):
    path = numbered_video.write(tmp_path / "a.mp4", 20)
    message = (
        f"a.mp4': it has 20 frames. Expected indices from 0 to 19. Received: "
        f"{received}$"
    )
    with pytest.raises(video.VideoError, match=message):
        video.read_frames(path, indices, num_frames)


@pytest.mark.parametrize("indices", [[0.5], [[0]], [True]])
def test_indices_that_are_none(tmp_path, indices):
    with pytest.raises(ValueError, match="Expected a sequence of integers"):
        video.read_frames(tmp_path / "a.mp4", indices)


@pytest.mark.parametrize("name", ["-a.mp4", "größe 日本.avi", "a%03d.avi"])
def test_names(tmp_path, monkeypatch, name):
    numbered_video.write(tmp_path / "a.avi", 3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert numbers(video.read_frames(name, [2, 1])) == [2, 1]


def test_name_that_is_not_utf8(tmp_path):
    path = bytes(tmp_path) + b"/\xff.avi"
    numbered_video.write(tmp_path / "a.avi", 3).rename(
        path.decode(errors="surrogateescape")
    )
    with pytest.raises(video.VideoError, match="name is not UTF-8"):
        video.probe(path)


def test_truncated(tmp_path):
    path = numbered_video.write(tmp_path / "a.avi", 60, "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    num_frames = video.probe(path).num_frames
    assert 20 < num_frames < 40
    # Whatever the header says, or said.
    for known in (None, 60):
        with pytest.raises(video.VideoError, match=f"has {num_frames} frames"):
            video.read_frames(path, [0, 50], known)
    path = numbered_video.write(tmp_path / "a.mp4", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(video.VideoError, match="finds? .*frame in it"):
        video.probe(path)


@pytest.mark.parametrize("pyav", [True, False])
def test_what_is_no_video(tmp_path, monkeypatch, capfd, pyav):
    if pyav:
        pytest.importorskip("av")
        advice = "neither OpenCV nor PyAV finds a frame"
    else:
        monkeypatch.setitem(sys.modules, "av", None)
        advice = r'pip install "keras-vidrec\[av\]"'
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    (tmp_path / "empty.avi").touch()
    for path, message in (
        (text, advice),
        (tmp_path / "empty.avi", "is empty"),
        (tmp_path / "none.avi", "no such file"),
        (tmp_path, "is not a file"),
    ):
        for read in (
            video.probe,
            lambda path: next(video.iter_frames(path)),
            lambda path: video.read_frames(path, [0]),
            lambda path: video.read_frames(path, [0], 10),
        ):
            with pytest.raises(video.VideoError, match=message) as info:
                read(path)
            assert str(path) in str(info.value)
    assert capfd.readouterr().err == ""


def test_pyav_reads_what_opencv_cannot(tmp_path, monkeypatch):
    pytest.importorskip("av")
    path = numbered_video.write(tmp_path / "a.mp4", 40)
    monkeypatch.setattr(
        opencv_decoder.OpenCVDecoder, "advance", lambda _: False
    )
    assert video.probe(path) == video.VideoInfo(40, 48, 128, 25.0)
    for num_frames in (None, 40):
        read = video.read_frames(path, [30, 2, 30], num_frames)
        assert numbers(read) == [30, 2, 30]


def test_too_large(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 3)
    monkeypatch.setattr(video, "MAX_PIXELS", 48 * 128 - 1)
    with pytest.raises(video.VideoError, match="48 x 128 pixels are too large"):
        video.probe(path)


def test_error_survives_pickling():
    error = video.VideoError(pathlib.Path("a.avi"), "it is empty.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is video.VideoError
    assert str(again) == "Cannot read the video 'a.avi': it is empty."


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_counts(real_data, folder):
    manifest = json.loads((real_data / "manifest.json").read_text())
    clips = [clip for clip in manifest if clip["file"].startswith(folder)]
    assert clips
    for clip in clips:
        info = video.probe(real_data / clip["file"])
        # Plain PyAV stumbles on one clip's metadata; the manifest then has
        # OpenCV's count only.
        wanted = clip.get("frames", clip["cv2_frames"])
        assert info.num_frames == wanted == clip["cv2_frames"], clip["file"]


def check_random_access(path, repeats):
    frames = list(video.iter_frames(path))
    rng = np.random.default_rng(len(frames))
    for _ in range(repeats):
        indices = rng.integers(0, len(frames), rng.integers(1, 6))
        for num_frames in (None, len(frames)):
            read = video.read_frames(path, indices, num_frames)
            for index, frame in zip(indices, read, strict=True):
                assert np.array_equal(frame, frames[index]), (path, indices)


@pytest.mark.parametrize("name", HANDFUL)
def test_real_random_access(real_data, name):
    check_random_access(real_data / name, repeats=2)


@pytest.mark.large
@pytest.mark.parametrize("folder", [*FOLDERS, "ut_interaction"])
def test_all_real_random_access(real_data, folder):
    paths = [
        path
        for path in sorted((real_data / folder).rglob("*"))
        if path.suffix in (".avi", ".mp4", ".mkv", ".mpg")
    ]
    assert paths
    for path in paths:
        check_random_access(path, repeats=4)


ODD_VIDEOS = """
import json, pathlib, resource, sys, time
if sys.argv[2] == "blocked":
    sys.modules["av"] = None
from keras_vidrec.videos import video

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

# Linux: the memory mapped by the imports, and 2 GiB.
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 2**31
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    start, before = time.process_time(), peak()
    try:
        num_frames = video.probe(path).num_frames
        video.read_frames(path, [num_frames - 1, 0], num_frames)
    except video.VideoError:
        num_frames = 0
    print(json.dumps([
        path.name, num_frames, time.process_time() - start, peak() - before
    ]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("pyav", ["installed", "blocked"])
def test_odd_videos(real_data, pyav):
    folder = real_data / "odd_videos"
    process = subprocess.run(
        [sys.executable, "-c", ODD_VIDEOS, str(folder), pyav],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    manifest = json.loads((real_data / "manifest.json").read_text())
    wanted = {
        pathlib.Path(clip["file"]).name: clip["cv2_frames"]
        for clip in manifest
        if clip["file"].startswith("odd_videos/")
    }
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    assert {name: count for name, count, _, _ in lines} == wanted
    for name, _, seconds, mebibytes in lines:
        assert seconds < 10, name
        assert mebibytes < 200, name
    assert "@ 0x" not in process.stderr
    assert "[ WARN" not in process.stderr
