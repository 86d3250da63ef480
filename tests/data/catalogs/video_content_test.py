import subprocess

import imageio_ffmpeg
import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs import video_content
from keras_vidrec.data.catalogs import video_tree

VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.5")
SOUND = ("-f", "lavfi", "-i", "sine=d=0.5")


def make(path, *options):
    path.parent.mkdir(parents=True, exist_ok=True)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run(
        [program, "-v", "error", "-y", *options, str(path)], check=True
    )
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of all kinds under endings that say nothing."""
    root = tmp_path_factory.mktemp("files")
    mpeg2 = ("-c:v", "mpeg2video")
    cover = make(root / "cover.png", *VIDEO, "-frames:v", "1")
    make(root / "video/matroska", *VIDEO, "-f", "matroska")
    make(root / "video/recording.rec", *VIDEO, *mpeg2, "-f", "mpegts")
    make(root / "video/old.dat", *VIDEO, *mpeg2, "-f", "mpeg")
    make(root / "video/clip.bin", *VIDEO, "-c:v", "mpeg4", "-f", "avi")
    make(root / "other/sound.x", *SOUND, "-f", "matroska")
    make(root / "other/picture.x", *VIDEO, "-frames:v", "1", "-f", "image2")
    song = ("-i", cover, "-map", "0", "-map", "1", "-c:v", "copy")
    make(
        root / "other/song.x",
        *(*SOUND, *song, "-disposition:v", "attached_pic", "-f", "mp3"),
    )
    texts = {
        "notes": "0001 walk\n",
        "script.ts": "export const video = 1;\n",
        "list.x": f"ffconcat version 1.0\nfile '{root}/video/clip.bin'\n",
        "stream.x": f"#EXTM3U\n#EXTINF:1,\n{root}/video/recording.rec\n",
        "subtitles.x": "1\n00:00:00,000 --> 00:00:01,000\nwalk\n",
        "art.ans": "\x1b[31mhello\x1b[0m\n",
    }
    for name, text in texts.items():
        (root / "other" / name).write_text(text)
    (root / "other" / "noise.x").write_bytes(bytes(range(256)) * 99)
    (root / "other" / "nothing.x").touch()
    return root


def test_unknown_endings_are_opened(files):
    for path in (files / "video").iterdir():
        assert video_content.is_video(path), path
    for path in (files / "other").iterdir():
        assert not video_content.is_video(path), path
    found = video_tree.scan(files)
    assert len(found.videos) == 4
    assert found.passed.pop("empty") == ["other/nothing.x"]
    assert found.passed.pop(video_tree.NO_VIDEO) == ["cover.png"]
    assert len(found.passed.pop("no video stream")) == 10
    assert not found.passed


def test_endings_of_camcorders_and_recorders(tmp_path):
    endings = {
        "MTS": ("-c:v", "libx264", "-f", "mpegts"),
        "m2ts": ("-c:v", "libx264"),
        "ts": ("-c:v", "mpeg2video"),
        "vob": ("-c:v", "mpeg2video"),
        "gif": (),
        "asf": (),
        "webm": ("-c:v", "libvpx"),
        "3gp": ("-c:v", "mpeg4"),
        "flv": ("-c:v", "flv1"),
        "mxf": ("-c:v", "mpeg2video", "-r", "25"),
        "ogv": ("-c:v", "libtheora"),
    }
    for i, (ending, options) in enumerate(endings.items()):
        folder = tmp_path / ("run", "walk")[i % 2]
        make(folder / f"{i}.{ending}", *VIDEO, *options)
    found = catalog.discover(tmp_path, test_fraction=0.5)
    assert len(found.videos) == len(endings)
    assert not [p for p in found.problems if "Skipped" in p]


def test_duration(files):
    assert 0.3 < video_content.duration(files / "video" / "matroska") < 0.7
    assert video_content.duration(files / "other" / "notes") is None


def test_kinetics_by_id(tmp_path):
    """Ten seconds of a video, or a file that is these ten."""
    make(tmp_path / "whole.mp4", *VIDEO[:3], "testsrc2=s=64x48:r=1:d=30")
    make(tmp_path / "cut.mp4", *VIDEO[:3], "testsrc2=s=64x48:r=1:d=10")
    (tmp_path / "k.csv").write_text(
        "label,youtube_id,time_start,time_end,split\n"
        "walk,whole,5,15,train\nrun,cut,5,15,train\n"
    )
    found = catalog.from_list(tmp_path / "k.csv")
    assert found.videos == ("whole.mp4#5-15", "cut.mp4")
    assert found.segments == ((5, 15, "seconds"), None)
