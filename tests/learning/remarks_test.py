"""What the steps remark, in a file."""

import logging
import pathlib

import pytest

from keras_vidrec.learning import remarks

FULL = pathlib.Path("/dev/full")


def note(module, text):
    logger = logging.getLogger("keras_vidrec")
    record = logger.makeRecord(
        logger.name, logging.WARNING, f"{module}.py", 1, text, (), None
    )
    logger.handle(record)


def test_they_are_kept_and_the_unforeseen_is_shown(tmp_path, caplog):
    path = tmp_path / "remarks.log"
    path.write_text("before\n")
    with remarks.kept(path):
        note("notes", "of one step")
        note("failures", "a video cannot be read")
    note("notes", "behind it")
    assert caplog.messages == ["a video cannot be read", "behind it"]
    before, *kept = path.read_text().splitlines()
    assert before == "before"
    assert [line[24:] for line in kept] == [
        "of one step",
        "a video cannot be read",
    ]


@pytest.mark.skipif(not FULL.exists(), reason="there is no full device")
def test_a_full_disk_is_no_traceback(capsys):
    with remarks.kept(FULL):
        note("notes", "of one step")
    assert capsys.readouterr().err == ""
