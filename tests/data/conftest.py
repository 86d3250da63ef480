import os

import pytest


@pytest.fixture
def in_process(monkeypatch):
    """The engine with its work done here, in order: what it writes does not
    depend on who works."""
    from keras_vidrec.data.preparing import prepare

    class Workers:
        def __init__(self, work, *_):
            self._work = work

        def run(self, tasks):
            for task in tasks:
                try:
                    yield task, "done", self._work(task, lambda count: None)
                except OSError as error:
                    yield task, "raised", error

        def close(self):
            pass

    monkeypatch.setattr(prepare, "Workers", Workers)
    # Waiting for the disk proves nothing while the power stays on.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
