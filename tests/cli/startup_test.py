import subprocess
import sys

LOAD = "from keras_vidrec.cli.startup import load_backend; load_backend()\n"


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
    )


def test_the_libraries_keep_quiet_and_errors_do_not():
    done = run(LOAD + "import sys; sys.stderr.write('heard')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "heard")


def test_what_they_said_is_shown_when_they_fail():
    done = run(
        "import os, sys, keras_vidrec.cli.startup as startup\n"
        "class Broken:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'keras':\n"
        "            os.write(2, b'no such library')\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Broken())\n"
        "startup.load_backend()"
    )
    assert done.returncode == 1
    assert "no such library" in done.stderr and "ImportError" in done.stderr
