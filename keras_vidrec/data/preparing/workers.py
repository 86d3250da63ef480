"""A pool of processes that work through tasks; any of them may die."""

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import types

_MAX_TRIES = 2

# Starting a process changes the environment, which all threads share.
_STARTING = threading.Lock()


class WornOut(Exception):
    """Raised by the work of `Workers`: the task needs a new process."""


class Workers:
    """Processes that work through tasks.

    Args:
        work: picklable callable `work(task, report)`. `run` yields its result,
            the values with which it calls `report`, and an `OSError` that it
            raises. If it raises `WornOut`, another process does the task; after
            any other exception the process dies.
        num_workers: int. Number of processes.
        environment: dict of str. Environment variables of the processes.
        log_directory: path of a directory for log files, to which the standard
            error streams of the processes are written.
    """

    def __init__(self, work, num_workers, environment, log_directory):
        self._work = work
        self._num_workers = num_workers
        self._environment = environment
        self._log_directory = os.fspath(log_directory)
        self._workers = []
        self._queue = collections.deque()

    def run(self, tasks):
        """Does tasks in any order. A task whose process dies is tried once
        more.

        Args:
            tasks: sequence of picklable objects.

        Yields:
            `(task, kind, value)`. The kind is `"reported"` with the reported
            value, `"done"` with the result, `"raised"` with the exception, or
            `"died"` with a str about the end of the process.
        """
        self._queue.extend((task, 1) for task in tasks)
        for number in range(min(self._num_workers, len(self._queue))):
            self._workers.append(self._start(number))
        while busy := [w for w in self._workers if w.task is not None]:
            ready = multiprocessing.connection.wait(
                [worker.connection for worker in busy]
            )
            for worker in busy:
                if worker.connection in ready:
                    yield from self._receive(worker)

    def close(self):
        """Kills the processes."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.process.close()
        self._workers = []

    def _receive(self, worker):
        """Receives a message of a process, and yields it as `run` does."""
        task, tries = worker.task, worker.tries
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            end = self._end_of(worker)
            again = () if tries >= _MAX_TRIES else ((task, tries + 1),)
            self._replace(worker, again)
            if not again:
                yield task, "died", end
            return
        if kind == "worn out":
            self._replace(worker, ((task, tries),))
            return
        if kind != "reported":
            # Assigned before the result is used, so that the process need not
            # wait.
            self._assign(worker)
        yield task, kind, value

    def _replace(self, worker, again):
        """Replaces a process that ends, if there are tasks left. Those of
        `again`, pairs `(task, tries)`, are done first."""
        worker.process.join()
        worker.connection.close()
        self._queue.extendleft(again)
        self._workers.remove(worker)
        if self._queue:
            self._workers.append(self._start(worker.number))

    def _end_of(self, worker):
        """Describes how a process ended, with the last line of its log."""
        status = worker.process.exitcode
        if status == -signal.SIGKILL:
            return f"exit status {status}, perhaps out of memory"
        with open(self._log(worker.number), errors="replace") as log:
            lines = log.read()[-2000:].split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "")
        return f"exit status {status} {said.strip()}".strip()

    def _log(self, number):
        return os.path.join(self._log_directory, f"{number}.log")

    def _start(self, number):
        open(self._log(number), "a").close()
        process, ours = start(
            _serve, (self._work, self._log(number)), self._environment
        )
        worker = _Worker(number, process, ours)
        self._assign(worker)
        return worker

    def _assign(self, worker):
        """Sends the next task to a process, if there is one."""
        worker.task, worker.tries = (
            self._queue.popleft() if self._queue else (None, 0)
        )
        if worker.task is not None:
            # A dead process is noticed when receiving from it.
            with contextlib.suppress(OSError):
                worker.connection.send(worker.task)


class _Worker:
    def __init__(self, number, process, connection):
        self.number = number
        self.process = process
        self.connection = connection
        self.task = None
        self.tries = 0


def start(target, arguments, environment):
    """Starts a process that ends when this one ends.

    Args:
        target: function at the top level of a module. It is called with its end
            of a connection and the arguments, and must call `begin` first.
        arguments: tuple of picklable objects.
        environment: dict of str. Environment variables of the process.

    Returns:
        `(process, connection)`. When the process ends, the connection is
        closed.
    """
    # TensorFlow does not work in forked processes.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=target, args=(theirs, *arguments), daemon=True
    )
    with _STARTING, _inherited(environment):
        process.start()
    theirs.close()
    return process, ours


def begin():
    """Prepares a new process: it ignores interrupts, and ends when its parent
    ends."""
    # An interrupt reaches all processes; the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


@contextlib.contextmanager
def _inherited(values):
    """Context in which a started process gets these environment variables, and
    does not import the main module of the program, which may not be guarded by
    `if __name__ == "__main__"`."""
    saved = {name: os.environ.get(name) for name in values}
    main = sys.modules["__main__"]
    os.environ.update(values)
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(connection, work, log):
    """The main function of a process: receives tasks and sends results."""
    begin()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 2)
    os.close(descriptor)

    def report(value):
        connection.send(("reported", value))

    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            outcome = "done", work(task, report)
        except WornOut:
            connection.send(("worn out", None))
            return
        except OSError as error:
            outcome = "raised", error
        connection.send(outcome)


def _end_with_parent():
    """Waits until the parent ends, which may have been killed, and ends this
    process."""
    multiprocessing.parent_process().join()
    os._exit(1)
