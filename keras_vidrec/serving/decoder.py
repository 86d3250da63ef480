"""Starts and controls the processes that read videos."""

import concurrent.futures
import contextlib
import os
import queue
import threading

from keras_vidrec.data.preparing import workers
from keras_vidrec.evaluation.shown import Reader
from keras_vidrec.evaluation.shown import Shown
from keras_vidrec.serving import decoding
from keras_vidrec.serving.limits import Limits
from keras_vidrec.serving.refusals import Refused
from keras_vidrec.videos.errors import VideoError

# Seconds that a new process may take to start, on a busy machine.
_START_S = 120.0


class _Lost(Refused):
    """A video that made its process crash or time out."""

    def __init__(self, name, problem):
        super().__init__(422, str(VideoError(name, problem)))


class _Process:
    """A process, and the connection to it."""

    def __init__(self, target, *arguments):
        self.process, self._connection = workers.start(target, arguments, {})
        self._is_ready = False

    def begin(self, path, name):
        """Sends a video to the process, and waits until it starts to read it.
        Raises `_Lost` if it does not."""
        if not self._is_ready:
            self.receive(name, _START_S)
            self._is_ready = True
        with contextlib.suppress(OSError):  # `receive` raises the error
            self._connection.send((path, name))
        self.receive(name, _START_S)

    def receive(self, name, seconds):
        """Returns the next message `(kind, value)`. Raises `Refused` if the
        process refuses the video, `_Lost` if it dies or sends nothing for
        `seconds`."""
        try:
            is_late = not self._connection.poll(seconds)
            kind, value = (None, None) if is_late else self._connection.recv()
        except (EOFError, OSError):
            raise _Lost(
                name,
                "the process that decoded it has died. Check that it is a "
                "video, or scale it down.",
            ) from None
        if is_late:
            raise _Lost(
                name,
                f"decoding it takes over {seconds:g} s. Scale it down, or send "
                "a part.",
            )
        if kind == "refused":
            raise Refused(422, value)
        return kind, value

    def kill(self):
        """Kills the process. Any thread may call this; `receive` in another
        thread then raises `_Lost`."""
        self.process.kill()

    def close(self):
        self.process.kill()
        self.process.join()
        self._connection.close()


class Decoders:
    """A pool of processes that read the clips of videos. A process that dies
    or takes too long is replaced.

    Args:
        reader: `evaluation.shown.Reader`.
        limits: `Limits`.

    Attributes:
        restarts: int. Number of processes that were replaced.
    """

    def __init__(self, reader: Reader, limits: Limits):
        self._reader, self._limits = reader, limits
        self._threads = concurrent.futures.ThreadPoolExecutor(
            limits.decoders, "decoder"
        )
        self._lock = threading.Lock()
        self._is_closed = False
        self._all: list[_Process] = []
        self._free: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self.restarts = 0
        for _ in range(limits.decoders):
            self._free.put(self._start())

    @property
    def processes(self) -> list:
        """The process ids: list of int."""
        return [one.process.pid for one in self._all]

    def submit(self, path, name: str) -> concurrent.futures.Future:
        """Starts reading a video.

        Args:
            path: path of the file.
            name: str. Name of the video in errors.

        Returns:
            Future of the `Shown` of the video. It raises `Refused` if the
            video cannot be read.
        """
        return self._threads.submit(self._read, os.fspath(path), name)

    def close(self) -> None:
        """Kills the processes."""
        with self._lock:
            self._is_closed = True
            for process in self._all:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            process.close()

    def _read(self, path, name) -> Shown:
        process = self._free.get()
        try:
            try:
                process.begin(path, name)
            except _Lost:  # it died before it got this video
                process = self._replaced(process)
                process.begin(path, name)
            return process.receive(name, self._limits.decode_seconds)[1]
        except _Lost:
            process = self._replaced(process)
            raise
        finally:
            self._free.put(process)

    def _start(self):
        with self._lock:
            if self._is_closed:
                raise Refused(503, "The server is shutting down.")
            process = _Process(decoding.read_clips, self._reader, self._limits)
            self._all.append(process)
            return process

    def _replaced(self, process):
        process.close()
        with self._lock:
            self._all.remove(process)
            self.restarts += 1
        return self._start()


class FrameProcess:
    """A stream of the frames of one video, read in a process of its own. It has
    the interface that `evaluation.Predictor.windows` needs.

    Args:
        reader: `evaluation.shown.Reader`.
        limits: `Limits`.
        path: path of the file.
        name: str. Name of the video in errors.
        frame_rate: `None`, or float, see `videos.FileStream`. Defaults to
            `None`.

    Attributes:
        name, deinterlace: see `videos.FileStream`.
        frame_rate: `None` before `open`, then float: frames a second.
    """

    num_skipped = 0

    def __init__(
        self, reader: Reader, limits: Limits, path, name: str, frame_rate=None
    ):
        self.name = name
        self.frame_rate = None
        self.deinterlace = reader.spec.frame.deinterlace
        self._seconds = limits.decode_seconds
        self._process = _Process(
            decoding.read_frames, reader, limits, os.fspath(path), name,
            frame_rate,
        )  # fmt: skip

    def open(self) -> None:
        """Waits until the process has opened the video. Raises `Refused` if it
        cannot be read."""
        seconds = _START_S + self._seconds
        _, self.frame_rate = self._process.receive(self.name, seconds)

    def frames(self, _hold):
        """Yields `(index, seconds, frame)`, see `FileStream.frames`."""
        while True:
            kind, value = self._process.receive(self.name, self._seconds)
            if kind == "end":
                return
            yield value

    def kill(self) -> None:
        """Kills the process. Any thread may call this."""
        self._process.kill()

    def close(self) -> None:
        """Kills the process and closes the connection to it."""
        self._process.close()
