"""Commands in processes that have the libraries already, and a fault coming.

They are forked from one that has imported TensorFlow and computed nothing: a
command takes a second or two. The networks are those of the mean color, and
train step by step. What is decoded, read, written, kept and renamed is real.
"""

import contextlib
import multiprocessing
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import threading
import typing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras

from keras_vidrec.cli import main
from keras_vidrec.data.preparing import prepare
from keras_vidrec.training import network
from tests.evaluation.mean_color_network import mean_color_network

# Changes of names and of sizes, as Python's audit hooks call them.
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}
KILLED = -signal.SIGKILL
_LONGEST_S = 240


class Fault(typing.NamedTuple):
    """What happens to a process.

    Args:
        change: int. It happens before this change of what lies in the
            directory, counted from 0: a file is opened to be written, synced,
            made, renamed, removed. Defaults to none at all.
        seconds: float. So much later. Defaults to 0.0.
        bytes: `None` (it is killed), or int: no file may grow beyond that any
            more. Defaults to `None`.
    """

    change: int | None = None
    seconds: float = 0.0
    bytes: int | None = None


NONE = Fault()


class Ended(typing.NamedTuple):
    """How a process ended: `status`, what it printed as errors, and how many
    changes it made."""

    status: int
    errors: str
    changes: int


def start(arguments, directory, fault=NONE):
    """Starts `vidrec` with these arguments; `finish` waits for its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    log = pathlib.Path(tempfile.mkdtemp(prefix="vidrec-fault-"), "changes")
    # Files may not grow there: what is said comes another way.
    process_says, errors = context.Pipe(duplex=False)
    process = context.Process(
        target=_run,
        args=([*map(str, arguments)], os.fspath(directory), fault, log, errors),
    )
    process.start()
    errors.close()
    process.log, process.says = log, process_says
    return process


def finish(process):
    """Waits for the end of a process; returns `Ended`."""
    timer = threading.Timer(_LONGEST_S, process.kill)
    timer.start()
    errors = b""
    while said := os.read(process.says.fileno(), 65536):
        errors += said
    process.join()
    assert timer.is_alive(), f"no end after {_LONGEST_S} s"
    timer.cancel()
    process.says.close()
    changes = process.log.stat().st_size if process.log.exists() else 0
    shutil.rmtree(process.log.parent)
    return Ended(process.exitcode, errors.decode(errors="replace"), changes)


def vidrec(arguments, directory, fault=NONE):
    """Runs `vidrec` in a process of its own; returns `Ended`."""
    return finish(start(arguments, directory, fault))


def one_clear_line(ended):
    """The error that a process has ended with; fails if it is anything else
    than one line for people."""
    assert ended.status == 1, ended
    lines = [
        line for line in ended.errors.splitlines() if line.startswith("vidrec:")
    ]
    assert len(lines) == 1 and "Traceback" not in ended.errors, ended.errors
    assert "VIDREC_TRACEBACK" not in lines[0], lines[0]
    return lines[0]


def _run(arguments, directory, fault, log, errors):
    # Of all the process says; what libraries print too.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(errors.fileno(), 2)
    errors.close()
    sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", closefd=False)
    _make_cheap()
    _watch(directory, fault, log)
    main.main(arguments)


def _make_cheap():
    compile_model = keras.Model.compile

    def compile_eagerly(model, *arguments, **named):
        compile_model(model, *arguments, **{**named, "run_eagerly": True})

    keras.Model.compile = compile_eagerly
    build = network.build

    def build_cheaply(recipe, names):
        if recipe.initialization.classifier == "random":
            return mean_color_network(tuple(names), num_segments=3, size=32)
        # Classifiers are computed from the features of a tower.
        keras.utils.set_random_seed(0)
        settings = ["network.arguments.backbone=tiny"]
        settings += ["initialization.weights=null"]
        settings += ["initialization.partial_batch_norm=false"]
        return build(recipe.with_settings(settings), names)

    network.build = build_cheaply
    prepare.Workers = _Here


class _Here:
    """Work that is done in this process."""

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


def _watch(directory, fault, log):
    """Counts the changes below a directory, and lets the fault happen."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT)
    seen = [0]

    def happen():
        if fault.bytes is None:
            os.kill(os.getpid(), signal.SIGKILL)
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.bytes, most))

    def change():
        number, seen[0] = seen[0], seen[0] + 1
        if number == fault.change:
            if not fault.seconds:
                happen()
            else:
                timer = threading.Timer(fault.seconds, happen)
                timer.daemon = True
                timer.start()
        with contextlib.suppress(OSError):
            os.write(file, b".")

    def hook(event, arguments):
        if event == "open":
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR)
            if writes and str(path).startswith(directory):
                change()
        elif event in CHANGES and str(arguments[0]).startswith(directory):
            change()

    # Waiting for the disk proves nothing while the power stays on.
    os.fsync = lambda descriptor: change()
    sys.addaudithook(hook)
