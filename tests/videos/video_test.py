import io
import json
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from keras_vidrec.videos import decoder as decoders
from keras_vidrec.videos import opening
from keras_vidrec.videos import video
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.packet_index import PacketIndex
from tests.data import numbered_video
from tests.videos import encodings as tables

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
    health = video.probe(path)
    assert (health.num_frames, health.height, health.width) == (150, 48, 128)
    assert health.frame_rate == pytest.approx(25) and not health.remarks
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
        index = PacketIndex(stamps * 512, np.arange(0, 120, 12))
        monkeypatch.setattr(PacketIndex, "from_file", lambda *_: index)
        read = video.read_frames(path, [100, 0, 40], num_frames=120)
        assert numbers(read) == [100, 0, 40]


def test_frames_are_decoded_once(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.avi", 60, "MJPG")
    retrieved = []
    retrieve = decoders.Decoder.retrieve

    def noted(self):
        retrieved.append(self.position)
        return retrieve(self)

    monkeypatch.setattr(decoders.Decoder, "retrieve", noted)
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


@pytest.mark.parametrize("name", [b"\xff.avi", b"a\nb.avi", b"%s:;.avi"])
def test_names_of_other_kinds(tmp_path, name):
    path = bytes(tmp_path) + b"/" + name
    numbered_video.write(tmp_path / "a.avi", 3).rename(os.fsdecode(path))
    for one in (path, os.fsdecode(path)):
        assert numbers(video.read_frames(one, [2, 1], 3)) == [2, 1]


def test_an_open_file(tmp_path):
    for name, codec in (("a.mp4", "mp4v"), ("a.avi", "MJPG")):
        path = numbered_video.write(tmp_path / name, 60, codec)
        with open(path, "rb") as file:
            assert video.probe(file) == video.probe(path)
            read = video.read_frames(file, [50, 3], 60)
            assert numbers(read) == [50, 3]
            assert len(list(video.iter_frames(file))) == 60
            assert not file.closed
            with pytest.raises(video.VideoError, match=f"{name}': it has 60"):
                video.read_frames(file, [60])


class Broken(io.BytesIO):
    """A connection that breaks in the middle."""

    name = "s3://bucket/a.avi"

    def read(self, size=-1):
        if self.tell() > 20_000:
            raise ConnectionError("gone")
        return super().read(size)


def test_an_open_file_that_breaks(tmp_path):
    path = numbered_video.write(tmp_path / "a.avi", 60, "MJPG")
    with pytest.raises(ConnectionError, match="gone"):
        video.probe(Broken(path.read_bytes()))


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
    with pytest.raises(video.VideoError, match="no frame of a video"):
        video.probe(path)


READERS = (
    video.probe,
    video.frame_times,
    lambda path: next(video.iter_frames(path)),
    lambda path: video.read_frames(path, [0]),
    lambda path: video.read_frames(path, [0], 10),
)


def check_refused(path, message):
    """By every reader, with the name of the file."""
    for read in READERS:
        with pytest.raises(video.VideoError, match=message) as info:
            read(path)
        assert repr(str(path)) in str(info.value)


def test_what_is_no_video(tmp_path, capfd):
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    (tmp_path / "text.txt").write_text("not a video\n" * 50)
    (tmp_path / "empty.avi").touch()
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "none.avi")
    tables.ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / "sound.mp4")
    for name, message in (
        ("text.mp4", "no frame of a video"),
        ("text.txt", "no frame of a video"),
        ("empty.avi", "is empty"),
        ("folder.mp4", "is a directory"),
        ("pipe.mp4", "is not a file"),
        ("loop.mp4", "[Tt]oo many levels of symbolic links"),
        ("nowhere.mp4", "does not exist"),
        ("none.avi", "does not exist"),
        ("sound.mp4", "contains only sound"),
    ):
        check_refused(tmp_path / name, message)
    with pytest.raises(video.VideoError, match="is not a file"):
        video.probe("/dev/zero")
    with pytest.raises(video.VideoError, match="contains a NUL"):
        video.probe("a\0b.mp4")
    output = capfd.readouterr()
    assert not output.err and not output.out


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 3)

    def refuse(*arguments, **others):
        raise PermissionError(13, "Permission denied")

    # Who runs as root may read everything.
    monkeypatch.setattr(opening, "open", refuse, raising=False)
    with pytest.raises(video.VideoError, match="permission denied"):
        video.probe(path)


def test_a_playlist_is_never_followed(tmp_path):
    numbered_video.write(tmp_path / "a.mp4", 3)
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n"
    dash = '<?xml version="1.0"?>\n<MPD type="static">a.mp4</MPD>'
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n"
    for name, text in (
        ("ffconcat", "ffconcat version 1.0\nfile a.mp4\n"),
        ("concat", "file a.mp4\n"),
        ("hls", hls),
        ("hls-bom", "\ufeff\n" + hls),
        ("dash", dash),
        ("sdp", sdp),
    ):
        for suffix in ("mp4", "avi", "m3u8"):
            path = tmp_path / f"{name}.{suffix}"
            path.write_text(text, "utf-8")
            check_refused(path, "is a playlist|no frame of a video")
    # What no beginning gives away: comments are allowed ahead of it.
    path = tmp_path / "late.ffconcat"
    path.write_text("# hello\nffconcat version 1.0\nfile a.mp4\n")
    check_refused(path, "no frame of a video")
    image = tmp_path / "1.png"
    tables.ffmpeg("-i", tmp_path / "a.mp4", "-frames:v", "1", image)
    with pytest.raises(video.VideoError, match="does not exist"):
        video.probe(tmp_path / "%d.png")


def test_packets_that_are_damaged_are_passed_over(tmp_path):
    """As the ffmpeg program does; what comes after them is read."""
    path = tables.encode(
        tmp_path / "a.mkv",
        (*tables.X264, "yuv420p", "-g", "5"),
        "testsrc2=s=128x96:r=25:d=4",
    )
    content = bytearray(path.read_bytes())
    for start in (0.4, 0.6):
        start = int(len(content) * start)
        content[start : start + 1500] = bytes(1500)
    path.write_bytes(content)
    health = video.probe(path)
    assert health.frames_stated == 100
    assert 80 < health.num_frames <= 100 and health.lost_at_end == 0
    assert 0 < health.damaged < 20
    assert health.lost_share == pytest.approx(
        max(health.damaged, 100 - health.num_frames) / 100, rel=0.2
    )
    assert f"{health.damaged} frames are damaged" in health.remarks
    # The end of the video is as it was.
    assert len(list(video.iter_frames(path))) == health.num_frames
    times = video.frame_times(path)
    assert times[-1] == pytest.approx(3.96)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_truncated_end_is_named(tmp_path, name):
    more = ("-movflags", "+faststart") if name == "a.mp4" else ()
    path = tables.encode(
        tmp_path / name,
        (*tables.MPEG4, *more),
        "testsrc2=s=128x96:r=25:d=4",
    )
    whole = video.probe(path)
    assert (whole.num_frames, whole.frames_stated) == (100, 100)
    assert whole.lost_share == 0 and not whole.remarks
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    health = video.probe(path)
    assert 30 < health.num_frames < 70
    assert abs(health.num_frames + health.lost_at_end - 100) <= 2
    assert health.lost_share == pytest.approx(
        1 - health.num_frames / 100, abs=0.03
    )
    assert f"the last {health.lost_at_end} are cut off" in str(health.remarks)


def test_what_a_video_is(tmp_path):
    path = tables.encode(
        tmp_path / "a.mkv",
        (*tables.MPEG2, *tables.TOP, "-vf", "interlace,setsar=16/15"),
    )
    health = video.probe(path)
    assert health.interlaced and health.codec == "mpeg2video"
    assert health.pixel_aspect == pytest.approx(16 / 15)
    assert any("wide as" in remark for remark in health.remarks)
    assert health.decoder.startswith("PyAV ") and "FFmpeg" in health.decoder
    assert Health.from_dict(json.loads(json.dumps(health.to_dict()))) == health


@pytest.mark.parametrize(
    "name, rate, variable, last",
    [
        ("h264", 50, False, 0.18),
        ("h264 b-frames", 50, False, 0.18),
        ("h264 1 fps", 1, False, 7),
        ("h264 1000 fps", 1000, False, 0.009),
        ("h264 variable rate", 50, True, 0.28),
        ("h264 without times", None, False, None),
        ("h264 flv", 50, False, 0.18),
        ("mpeg4 avi", 50, False, 0.18),
        ("mpeg4 avi b-frames", 50, False, 0.18),
        ("mpeg2 fields", 25, False, 0.16),
        ("late times", 50, False, 0.18),
        ("edit list", 50, False, 0.04),
        ("vp9", 50, False, 0.18),
        ("gif", 50, False, 0.18),
        ("dv pal", None, False, 0),
    ],
)
def test_times(encodings, name, rate, variable, last):
    path = encodings[name]
    health = video.probe(path)
    times = video.frame_times(path)
    assert health.variable_rate == variable
    if rate is None:
        assert health.frame_rate is None
        assert any("frame rate" in remark for remark in health.remarks)
    else:
        assert health.frame_rate == pytest.approx(rate, rel=1e-3)
    if last is None:
        assert times is None
        return
    assert times.dtype == np.float64 and times.shape == (health.num_frames,)
    assert times[0] == 0 and times[-1] == pytest.approx(last, abs=2e-3)
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("how, mode", [("yadif", 0), ("bob", 1)])
@pytest.mark.parametrize(
    "name", ["h264 top field first", "mpeg4 fields", "mpeg2 fields vob", "h264"]
)
def test_deinterlacing_is_that_of_ffmpeg(encodings, name, how, mode):
    path = encodings[name]
    frames = np.stack(list(video.iter_frames(path, how)))
    expected = tables.decode(path, (48, 64), "-vf", f"yadif=mode={mode}")
    np.testing.assert_array_equal(frames, expected)
    plain = video.probe(path)
    health = video.probe(path, how)
    assert health.num_frames == len(frames) == (1 + mode) * plain.num_frames
    assert health.frame_rate == pytest.approx((1 + mode) * plain.frame_rate)
    assert len(video.frame_times(path, how)) == len(frames)
    indices = [len(frames) - 1, 1]
    read = video.read_frames(path, indices, len(frames), how)
    np.testing.assert_array_equal(read, frames[indices])


def test_deinterlacing_that_is_none(tmp_path):
    with pytest.raises(ValueError, match="Invalid `deinterlace`. Expected one"):
        video.probe(tmp_path / "a.mp4", "weave")


def test_too_large(tmp_path, monkeypatch):
    path = numbered_video.write(tmp_path / "a.mp4", 3)
    monkeypatch.setattr(opening, "MAX_PIXELS", 48 * 128 - 1)
    with pytest.raises(video.VideoError, match="too large|of at most"):
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
        assert info.lost_share == 0, clip["file"]
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
from keras_vidrec.videos import opening
from keras_vidrec.videos import video
from keras_vidrec.videos.health import Health

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
def test_odd_videos(real_data):
    folder = real_data / "odd_videos"
    process = subprocess.run(
        [sys.executable, "-c", ODD_VIDEOS, str(folder)],
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
    # OpenCV stops at the first damaged packet of one, and reads the smaller
    # of two streams of the other.
    wanted |= {"corrupted.mp4": 49, "nasa_13013.mp4": 390}
    assert {name: count for name, count, _, _ in lines} == wanted
    for name, _, seconds, mebibytes in lines:
        assert seconds < 10, name
        assert mebibytes < 200, name
    assert not process.stderr
