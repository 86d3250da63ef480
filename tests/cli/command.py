"""The command line as a user runs it: another process."""

import subprocess
import sys


def vidrec(*arguments, status=0):
    """Runs `python -m keras_vidrec`, checks its exit status, and returns what
    it printed to stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "keras_vidrec", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr
