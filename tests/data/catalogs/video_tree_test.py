import pytest

from keras_vidrec.data.catalogs import video_tree


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_find_videos(tmp_path):
    touch(tmp_path, "b/2.MP4", "b/1.avi", "a.mkv", "b/c/3.webm")
    touch(tmp_path, "b/notes.txt", "b/.hidden.avi", ".cache/4.avi")
    assert video_tree.find_videos(tmp_path) == [
        "a.mkv",
        "b/1.avi",
        "b/2.MP4",
        "b/c/3.webm",
    ]


def test_links(tmp_path):
    touch(tmp_path, "elsewhere/1.avi", "data/run/2.avi")
    root = tmp_path / "data"
    (root / "walk").symlink_to(tmp_path / "elsewhere")
    (root / "run" / "again").symlink_to(root)
    (root / "run" / "gone.avi").symlink_to(tmp_path / "nothing.avi")
    assert video_tree.find_videos(root) == ["run/2.avi", "walk/1.avi"]


def test_match_clips():
    def match(clip, *videos):
        (found,) = video_tree.match_clips([clip], videos, ["Run", "Jump"])
        return found

    assert match("Run/1.avi", "Run/1.avi", "Jump/1.avi") == "Run/1.avi"
    assert match("Run/1.avi", "UCF/Run/1.avi", "1.avi") == "UCF/Run/1.avi"
    assert match("Run/1.avi", "all/1.avi") == "all/1.avi"
    assert match("Run/1.avi", "1.mp4") == "1.mp4"
    assert match("Run/1.avi", "Run/1.avi", "Run/1.mp4") == "Run/1.avi"
    assert match("Run/1.avi", "Run/1.mp4", "all/1.avi") == "Run/1.mp4"
    assert match("Run/1.avi", "Jump/1.avi") is None
    assert match("Run/1.avi", "Run/11.avi") is None
    with pytest.raises(
        ValueError, match=r"clip 'Run/1.avi'.*\['a/1.avi', 'b/1.avi'\]"
    ):
        match("Run/1.avi", "a/1.avi", "b/1.avi")


def test_check_different(tmp_path):
    touch(tmp_path, "a.avi", "b.avi")
    (tmp_path / "c.avi").symlink_to("a.avi")
    video_tree.check_different(tmp_path, ["a.avi", "b.avi"])
    with pytest.raises(ValueError, match="Received: 'a.avi' and 'c.avi'"):
        video_tree.check_different(tmp_path, ["a.avi", "b.avi", "c.avi"])
