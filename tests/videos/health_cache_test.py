import json
import os

import numpy as np
import pytest

from keras_vidrec.videos import decoder
from keras_vidrec.videos import examination
from keras_vidrec.videos import video
from keras_vidrec.videos.health_cache import HealthCache
from tests.data import numbered_video
from tests.videos import encodings as tables

NAME = ".vidrec-videos.json"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    numbered_video.write(root / "a.avi", 5, "MJPG")
    return root


@pytest.fixture
def examined(monkeypatch):
    """Paths of the videos that were looked at."""
    seen = []
    examine = examination.examine

    def noted(path, deinterlace):
        seen.append(path.name)
        return examine(path, deinterlace)

    monkeypatch.setattr(examination, "examine", noted)
    return seen


def test_looked_at_once_even_by_the_next_process(root, examined):
    cache = HealthCache(root)
    assert cache["a.avi"] == cache["a.avi"] == video.probe(root / "a.avi")
    cache.save()
    again = HealthCache(root)
    assert again["a.avi"] == cache["a.avi"]
    np.testing.assert_allclose(again.times("a.avi"), np.arange(5) / 25)
    assert examined == ["a.avi"] * 2  # and by `video.probe`


def test_what_was_seen_of_a_file_that_was_replaced_meanwhile(root, examined):
    cache = HealthCache(root)
    seen = cache.key("a.avi"), cache["a.avi"], None, cache.content("a.avi")
    cache.add("a.avi", *seen)
    assert cache["a.avi"].num_frames == 5
    numbered_video.write(root / "a.avi", 3, "MJPG")
    cache.add("a.avi", *seen)
    assert cache["a.avi"].num_frames == 3
    assert cache.content("a.avi") != seen[-1]
    assert examined == ["a.avi"] * 2


def test_a_changed_file_is_looked_at_again(root, examined, monkeypatch):
    cache = HealthCache(root)
    assert cache["a.avi"].num_frames == 5
    numbered_video.write(root / "a.avi", 3, "MJPG")
    assert cache["a.avi"].num_frames == 3
    os.utime(root / "a.avi", (1, 1))
    assert cache["a.avi"].num_frames == 3
    # By another decoder, and in another way.
    assert HealthCache(root, "bob")["a.avi"].num_frames == 6
    monkeypatch.setattr(decoder, "version", lambda: "PyAV 99")
    assert cache["a.avi"].decoder == "PyAV 99"
    assert len(examined) == 5


def test_times_of_a_variable_rate_are_kept(root, examined, encodings):
    path = encodings["h264 variable rate"]
    cache = HealthCache(path.parent)
    times = cache.times(path.name)
    cache.save()
    again = HealthCache(path.parent)
    np.testing.assert_array_equal(again.times(path.name), times)
    np.testing.assert_array_equal(
        again.times(path.name), video.frame_times(path)
    )
    assert again[path.name].variable_rate
    raw = encodings["h264 without times"]
    assert HealthCache(raw.parent).times(raw.name) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"[1]", b'{"a.avi": [1, 2]}', b"\xff{", b'{"a.avi": {"key": []}}',
     b'{"a.avi": {"key": [], "health": {"num_frames": 1}}}'],
)  # fmt: skip
def test_a_damaged_cache_is_forgotten(root, content):
    (root / NAME).write_bytes(content)
    assert HealthCache(root)["a.avi"].num_frames == 5


@pytest.fixture
def read_only(root, monkeypatch):
    """The directory of the videos cannot be written."""
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, how: path != root and access(path, how)
    )


def test_a_directory_that_cannot_be_written(
    root, tmp_path, examined, read_only, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = HealthCache(root)
    assert cache["a.avi"].num_frames == 5
    cache.save()
    assert not (root / NAME).exists()
    assert HealthCache(root)["a.avi"].num_frames == 5
    assert examined == ["a.avi"]


def test_what_others_wrote_beside_read_only_videos(
    root, examined, read_only, monkeypatch
):
    cache = HealthCache(root)
    cache["a.avi"]
    (root / NAME).write_text(json.dumps(cache._entries))
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/none")
    assert HealthCache(root)["a.avi"].num_frames == 5
    assert examined == ["a.avi"]


@pytest.mark.parametrize("home", ["/dev/null", "/dev/null/home", None])
def test_no_place_for_a_cache(root, read_only, monkeypatch, home):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("os.path.expanduser", lambda path: path)
    else:
        monkeypatch.setenv("HOME", home)
    cache = HealthCache(root)
    assert cache["a.avi"].num_frames == 5
    cache.save()
    assert cache["a.avi"].num_frames == 5


def test_a_full_disk_does_not_end_a_run(root, monkeypatch):
    cache = HealthCache(root)
    assert cache["a.avi"].num_frames == 5

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("keras_vidrec.specs.files.write_text", full)
    cache.save()
    assert cache["a.avi"].num_frames == 5


def test_what_cannot_be_read_is_told_each_time(root):
    cache = HealthCache(root)
    for name, message in (
        ("none.avi", "does not exist"),
        ("b.avi", "is empty"),
    ):
        (root / "b.avi").touch()
        for _ in range(2):
            with pytest.raises(video.VideoError, match=message):
                cache[name]


def test_damage_is_kept(root):
    path = tables.encode(
        root / "b.avi", tables.MPEG4, "testsrc2=s=64x48:r=25:d=4"
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    cache = HealthCache(root)
    cache["b.avi"]
    cache.save()
    assert HealthCache(root)["b.avi"].lost_share > 0.2
