"""Processes that die, and those that do not."""

import os
import signal
import sys

import pytest

from keras_vidrec.data.preparing.workers import Workers
from keras_vidrec.data.preparing.workers import WornOut

SEEN = []  # of a process


def work(task, report):
    name, detail = task
    if name == "die" or (name == "die once" and not os.path.exists(detail)):
        if detail:
            open(detail, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "fault":
        raise KeyError("unheard of")
    if name == "full":
        raise OSError(28, "No space left on device")
    if name == "environment":
        return os.environ.get(detail), "keras" in sys.modules
    if name == "noise":
        os.write(2, b"chatter")
    if name == "once a process":
        if SEEN:
            raise WornOut
        SEEN.append(detail)
    report(detail)
    return name, os.getpid()


def run(tasks, directory, num_workers=2):
    pool = Workers(work, num_workers, {"VIDREC_TESTED": "x"}, directory)
    try:
        events = list(pool.run(tasks))
        processes = [worker.process.pid for worker in pool._workers]
    finally:
        pool.close()
    for pid in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    return events


def test_what_becomes_of_tasks(tmp_path, capfd):
    marker = str(tmp_path / "marker")
    tasks = [
        ("die", None),
        ("noise", 7),
        ("die once", marker),
        ("full", None),
        ("fault", None),
        ("environment", "VIDREC_TESTED"),
        ("last", 8),
    ]
    events = run(tasks, tmp_path)
    outcomes = {
        task[0]: (kind, value)
        for task, kind, value in events
        if kind != "reported"
    }
    assert set(outcomes) == {name for name, _ in tasks}
    assert outcomes["die"] == (
        "died",
        "exit status -9, perhaps out of memory",
    )
    assert outcomes["fault"] == ("died", "exit status 1 KeyError: 'unheard of'")
    assert outcomes["full"][1].errno == 28
    assert outcomes["environment"] == ("done", ("x", False))
    for name in ("noise", "die once", "last"):
        kind, (done, pid) = outcomes[name]
        assert kind == "done" and done == name and pid != os.getpid()
    assert (("noise", 7), "reported", 7) in events
    assert "VIDREC_TESTED" not in os.environ
    assert "chatter" not in capfd.readouterr().err
    assert any(b"chatter" in log.read_bytes() for log in tmp_path.glob("*.log"))


def test_a_worn_out_process_is_replaced(tmp_path):
    tasks = [("once a process", i) for i in range(3)]
    events = run(tasks, tmp_path, num_workers=1)
    # Every task is done, once, in the order given.
    assert [e[0] for e in events if e[1] == "reported"] == tasks
    pids = {value[1] for _, kind, value in events if kind == "done"}
    assert len(pids) == 3


def test_no_tasks_need_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(Workers, "_start", None)
    assert run([], tmp_path) == []
