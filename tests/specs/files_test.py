import errno
import os
import subprocess
import sys
import threading
import time

import pytest

from keras_vidrec.specs import files
from keras_vidrec.specs import locks


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_takes_its_place_when_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with files.replacing(path) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".txt" and not path.exists()
    assert path.read_text() == "whole" and names(path.parent) == ["a.txt"]


def test_a_directory_replaces_a_directory(tmp_path):
    path = tmp_path / "model"
    for content in ("old", "new"):
        with files.replacing(path) as temporary:
            temporary.mkdir()
            (temporary / content).touch()
    assert names(path) == ["new"] and names(tmp_path) == ["model"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_table(tmp_path):
    path = tmp_path / "new" / "table.csv"
    files.write_table(path, ("a", "b"), iter([(1, "x, y"), ("\ud800é", "")]))
    assert path.read_text("utf-8") == 'a,b\n1,"x, y"\n?é,\n'
    assert names(path.parent) == ["table.csv"]


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    path = tmp_path / "table.csv"
    rows = [("+x", -1, "-0.5", "1+1"), ("@SUM(A1)", "-", "\t=1", "a\r=1")]
    files.write_table(path, ("=1+1", "a", "b", "c"), rows)
    assert path.read_bytes().decode("utf-8") == (
        "'=1+1,a,b,c\n'+x,-1,-0.5,1+1\n'@SUM(A1),'-,'\t=1,a\\r=1\n"
    )
    for text in ("=1+1", "-", "'=", "'a", "a", "-1"):
        assert files.from_cell(files.to_cell(text)) == text


@pytest.mark.parametrize("exchange", ["yes", "no"])
def test_killed_at_any_moment_it_is_the_old_or_the_new(tmp_path, exchange):
    """Sixty processes that replace a directory over and over, each killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.specs.kill_loop"]
        + [str(tmp_path), "60", "7", exchange],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not done.returncode, done.stderr
    assert int(done.stdout.split()[1]) > 10


def test_what_was_moved_aside_comes_back(tmp_path):
    """As a process leaves it that was killed between the two names."""
    path = tmp_path / "model"
    (tmp_path / ".before.model").mkdir()
    (tmp_path / ".before.model" / "old").touch()
    (tmp_path / ".partial.model").mkdir()
    assert files.is_unfinished(".before.model")
    files.recover(path)
    assert names(tmp_path) == ["model"] and names(path) == ["old"]
    # Killed later, the new one stands already.
    (tmp_path / ".before.model").mkdir()
    files.remove_unfinished(tmp_path)
    assert names(tmp_path) == ["model"] and names(path) == ["old"]


def test_what_is_left_goes_unless_somebody_is_at_it(tmp_path):
    (tmp_path / ".partial.a.txt").write_text("half")
    (tmp_path / ".partial.model").mkdir()
    (tmp_path / ".partial.model.lock").touch()
    with files.replacing(tmp_path / "b.txt") as temporary:
        temporary.write_text("b")
        files.remove_unfinished(tmp_path)
        assert names(tmp_path) == [".partial.b.txt", ".partial.b.txt.lock"]
    assert names(tmp_path) == ["b.txt"]


def test_two_that_write_one_file_take_turns(tmp_path):
    path, begun = tmp_path / "a.txt", threading.Event()

    def write_second():
        begun.set()
        files.write_text(path, "second")

    with files.replacing(path) as temporary:
        thread = threading.Thread(target=write_second)
        thread.start()
        begun.wait()
        time.sleep(0.05)
        temporary.write_text("first")
    thread.join()
    assert path.read_text() == "second" and names(tmp_path) == ["a.txt"]


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def note(descriptor):
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        synced.append((name, (tmp_path / "model").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with files.replacing(tmp_path / "model") as temporary:
        (temporary / "in").mkdir(parents=True)
        (temporary / "in" / "weights").touch()
    assert synced == [
        (f"{temporary}/in/weights", False),
        (f"{temporary}/in", False),
        (f"{temporary}", False),
        (f"{tmp_path}", True),
    ]


def test_without_locks_each_has_a_name_of_its_own(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    path = tmp_path / "a.txt"
    with files.replacing(path) as one, files.replacing(path) as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert path.read_text() == "one" and names(tmp_path) == ["a.txt"]
    # Nobody knows whose it is.
    (tmp_path / ".partial.1.a.txt").touch()
    files.remove_unfinished(tmp_path)
    assert (tmp_path / ".partial.1.a.txt").exists()


def test_a_directory_goes_whole(tmp_path, monkeypatch):
    path = tmp_path / "backup"
    path.mkdir()

    def killed(gone):
        assert gone != path and not path.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            files.remove(path)
    files.remove_unfinished(tmp_path)
    assert not names(tmp_path)


class ResourceExhausted(Exception):
    """As TensorFlow's."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "part"),
        ResourceExhausted("out/.partial/x.pb; No space left on device\n [Op:"),
    ],
)
def test_a_full_disk_is_told_with_what_is_made(tmp_path, error):
    with pytest.raises(OSError) as raised, files.needing_room(tmp_path):
        raise error
    assert str(raised.value) == (
        "[Errno 28] No space left on device. Finished "
        "work is kept: free some space and run the same command again: "
        f"'{tmp_path}'"
    )


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "No"), ResourceExhausted("of the GPU")]
)
def test_other_errors_stay_as_they_are(tmp_path, error):
    with pytest.raises(type(error)) as raised, files.needing_room(tmp_path):
        raise error
    assert raised.value is error
