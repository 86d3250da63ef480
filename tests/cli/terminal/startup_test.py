import os
import sys
import types

import pytest

from keras_vidrec.cli.terminal.startup import load_backend


def keras_that(says, monkeypatch):
    """In the place of Keras, with a library that has something to say."""
    backend = types.SimpleNamespace(backend=says)
    fake = types.SimpleNamespace(backend=backend)
    monkeypatch.setitem(sys.modules, "keras", fake)


def test_the_libraries_keep_quiet_and_errors_do_not(monkeypatch, capfd):
    def chatter():
        os.write(2, b"chatter")
        return "another"

    keras_that(chatter, monkeypatch)
    load_backend()
    os.write(2, b"heard")
    assert capfd.readouterr() == ("", "heard")


def test_what_they_said_is_shown_when_they_fail(monkeypatch, capfd):
    def fail():
        os.write(2, b"no such library")
        raise ImportError

    keras_that(fail, monkeypatch)
    with pytest.raises(ImportError):
        load_backend()
    assert capfd.readouterr() == ("", "no such library")
