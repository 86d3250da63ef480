import errno
import os
import signal
import subprocess
import sys

import pytest

from keras_vidrec.specs import locks

HOLD = (
    "import sys, time\n"
    "from keras_vidrec.specs import locks\n"
    "with locks.held(sys.argv[1], 'train', 'there'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(600)\n"
)


def test_another_process_is_refused_by_name_until_it_is_killed(tmp_path):
    path = tmp_path / ".lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    expected = (
        "^/runs/a is in use by another process. Wait until it ends, or end it; "
        "finished work is kept, and the same command resumes from there. "
        f"Received: process {process.pid} on '.+', which uses it "
        r"to train since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d$"
    )
    with pytest.raises(locks.InUse, match=expected):
        with locks.held(path, "train", "/runs/a"):
            raise AssertionError
    with pytest.raises(locks.InUse, match=expected):
        locks.check_free(path, "/runs/a")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # What it has left holds nobody up.
    assert f'"process": {process.pid}' in path.read_text()
    locks.check_free(path, "/runs/a")
    with locks.held(path, "train", "/runs/a"):
        assert f'"process": {os.getpid()}' in path.read_text()
        with pytest.raises(locks.InUse, match=f"process {os.getpid()} on"):
            locks.check_free(path, "/runs/a")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b'{"process": "\x1b[2J"}', b"{}"]
)
def test_who_does_not_say_its_name(tmp_path, content):
    path = tmp_path / ".lock"
    with locks.taken(path) as file:
        file.write(content)
        file.flush()
        with pytest.raises(locks.InUse, match="an unknown process"):
            locks.check_free(path, "/runs/a")


def test_names_are_shown_and_not_sent(tmp_path):
    path = tmp_path / ".lock"
    holder = '{"process": 1, "host": "\\u001b[2J", "since": "", "work": "%s"}'
    for work, told in (
        ("train", r"'\\x1b\[2J'"),
        ("\\u0007", "an unknown process"),
    ):
        with locks.taken(path) as file:
            file.write((holder % work).encode())
            file.flush()
            with pytest.raises(locks.InUse, match=told):
                locks.check_free(path, "/runs/a")


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, caplog):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    with locks.held(tmp_path / ".lock", "train", "/runs/a"):
        pass
    assert caplog.messages == [
        "Make sure that only one process at a time writes /runs/a: its file "
        "system has no locks (No locks available)."
    ]
