import os

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


def test_what_is_passed_over_has_a_reason(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.mp4", "a/.DS_Store", "a/readme.txt", "a/line\n.mp4")
    touch(tmp_path, "a/locked.mp4", "closed/2.mp4", ".vidrec-looks.json")
    os.mkfifo(tmp_path / "a" / "pipe.mp4")
    (tmp_path / "a" / "gone.mp4").symlink_to("nowhere")
    (tmp_path / "a" / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "a" / "back").symlink_to("..")
    (tmp_path / "a" / "null.mp4").symlink_to("/dev/null")
    touch(tmp_path, "a/folder.mp4/3.avi")
    # The superuser may read all.
    scan_directory, access = os.scandir, os.access

    def closed(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan_directory(path)

    monkeypatch.setattr(os, "scandir", closed)
    monkeypatch.setattr(
        os, "access", lambda p, m: "locked" not in str(p) and access(p, m)
    )
    found = video_tree.scan(tmp_path)
    assert found.videos == ["a/1.mp4", "a/folder.mp4/3.avi"]
    assert found.passed == {
        "hidden": ["a/.DS_Store"],
        "not a video extension": ["a/readme.txt"],
        "its name has a line break; rename it": ["a/line\n.mp4"],
        "not a file, but a pipe, a socket or a device": [
            "a/null.mp4",
            "a/pipe.mp4",
        ],
        "it cannot be read (No such file or directory)": ["a/gone.mp4"],
        "it cannot be read (Too many levels of symbolic links)": ["a/loop.mp4"],
        "it cannot be read (Permission denied)": ["a/locked.mp4"],
        "the same folder as another one": ["a/back/"],
        "a folder with the extension of a video": ["a/folder.mp4"],
        "the folder cannot be read (Permission denied)": ["closed/"],
    }
    _, problems = video_tree.named_clips(tmp_path)
    assert "Skipped, not a video extension: 'a/readme.txt'." in problems


def test_links_among_folders_end(tmp_path):
    """A path for each order of the folders would never end."""
    folders = [tmp_path / str(i) for i in range(12)]
    for folder in folders:
        touch(folder, "a.mp4")
    for folder in folders:
        for other in folders:
            (folder / f"to{other.name}").symlink_to(other)
    found = video_tree.scan(tmp_path)
    assert len(found.videos) == 12
    assert set(found.passed) == {"the same folder as another one"}
