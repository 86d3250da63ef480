"""The command line as a user runs it."""

import contextlib
import io
import logging
import subprocess
import sys

import keras
import pytest

from keras_vidrec.cli import main


def vidrec(*arguments, status=0):
    """Runs `vidrec` in this process, which has the libraries already, checks
    its exit status, and returns what it printed to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with (
        a_program_of_its_own(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main.main([*map(str, arguments)])
    said = out.getvalue(), err.getvalue()
    assert (ended.value.code or 0) == status, "".join(said)
    return said


def vidrec_process(*arguments, status=0):
    """The same in another process: what the libraries print is seen, and how
    the interpreter shuts down."""
    done = subprocess.run(
        [sys.executable, "-m", "keras_vidrec", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr


@contextlib.contextmanager
def a_program_of_its_own():
    """No handlers of pytest's for what is logged, and no end of the process;
    names, seed and precision are those of a new one, and how often networks
    were traced before is not told."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    tensorflow = logging.getLogger("tensorflow")
    tensorflow.addFilter(_is_news)
    keras.utils.clear_session(free_memory=False)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(main, "_leave", sys.exit)
            # It counts what was traced in the tests before.
            patch.setattr(logging.getLogger("tensorflow"), "disabled", True)
            yield
    finally:
        root.handlers = handlers
        tensorflow.removeFilter(_is_news)


def _is_news(record):
    return "retracing" not in record.getMessage()
