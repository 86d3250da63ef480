import os

import pytest

from keras_vidrec.videos.frame_counts import FrameCounts


class Counter:
    """Counts the bytes of a file, and how often it was asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self, path):
        self.calls += 1
        return len(path.read_bytes())


@pytest.fixture
def root(tmp_path):
    (tmp_path / "a.avi").write_bytes(b"12345")
    return tmp_path


def test_counted_once_even_by_the_next_process(root):
    count = Counter()
    counts = FrameCounts(root, count)
    assert counts["a.avi"] == counts["a.avi"] == 5
    counts.save()
    assert FrameCounts(root, count)["a.avi"] == 5
    assert count.calls == 1


def test_a_changed_file_is_counted_again(root):
    count = Counter()
    counts = FrameCounts(root, count)
    assert counts["a.avi"] == 5
    (root / "a.avi").write_bytes(b"123")
    assert counts["a.avi"] == 3
    os.utime(root / "a.avi", (1, 1))
    assert counts["a.avi"] == 3
    assert count.calls == 3


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"a.avi": [1, 2]}', b"\xff{", b'{"a.avi": 3}']
)
def test_a_damaged_cache_is_forgotten(root, content):
    FrameCounts(root, Counter()).save()
    (root / ".vidrec-frame-counts.json").write_bytes(content)
    assert FrameCounts(root, Counter())["a.avi"] == 5


def test_a_directory_that_cannot_be_written(root, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    access = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, *args, **kwargs: (
            path != root and access(path, *args, **kwargs)
        ),
    )
    count = Counter()
    counts = FrameCounts(root, count)
    assert counts["a.avi"] == 5
    counts.save()
    assert not (root / ".vidrec-frame-counts.json").exists()
    assert FrameCounts(root, count)["a.avi"] == 5
    assert count.calls == 1


def test_a_full_disk_does_not_end_a_run(root, monkeypatch):
    counts = FrameCounts(root, Counter())
    assert counts["a.avi"] == 5

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("keras_vidrec.specs.files.write_text", full)
    counts.save()
    assert counts["a.avi"] == 5
