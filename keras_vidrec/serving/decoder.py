"""Processes that read videos, seen from the server."""

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

# Seconds that a new process may take to begin, on a busy machine.
_START_S = 120.0


class _Lost(Refused):
    """A video that a process fell over."""

    def __init__(self, name, problem):
        super().__init__(422, str(VideoError(name, problem)))


class _Process:
    """One process, and this end of its connection."""

    def __init__(self, target, *arguments):
        self.process, self._connection = workers.start(target, arguments, {})
        self._is_ready = False

    def begin(self, path, name):
        """Gives it a video; `_Lost` if it does not take it."""
        if not self._is_ready:
            self.receive(name, _START_S)
            self._is_ready = True
        with contextlib.suppress(OSError):  # seen when receiving
            self._connection.send((path, name))
        self.receive(name, _START_S)

    def receive(self, name, seconds):
        """What comes next, `(kind, value)`; `Refused` if the process refuses
        the video, `_Lost` if it dies or nothing comes in time."""
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
        """Ends the process, whatever it does. Any thread may do so: who
        receives at the time sees that it has died."""
        self.process.kill()

    def close(self):
        self.process.kill()
        self.process.join()
        self._connection.close()


class Decoders:
    """A few processes that read what a network is shown of videos. One that
    dies, or takes too long, is replaced.

    Args:
        reader: `evaluation.shown.Reader`.
        limits: `Limits`.

    Attributes:
        restarts: int. Processes that were replaced.
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
        """List of int. Their numbers."""
        return [one.process.pid for one in self._all]

    def submit(self, path, name: str) -> concurrent.futures.Future:
        """The `Shown` of a video, in the future, or `Refused`.

        Args:
            path: path of the file.
            name: str. What an error calls it.
        """
        return self._threads.submit(self._read, os.fspath(path), name)

    def close(self) -> None:
        """Ends the processes, whatever they do."""
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
            except _Lost:  # killed while it waited: the video is not to blame
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
                raise Refused(503, "The server ends.")
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
    """The frames of one video from a process of its own: a stream as
    `evaluation.Predictor.windows` takes it.

    Args:
        reader: `evaluation.shown.Reader`.
        limits: `Limits`.
        path: path of the file.
        name: str. What an error calls it.
        frame_rate: `None`, or float, as of `videos.FileStream`.

    Attributes:
        name, frame_rate, deinterlace: as of `videos.FileStream`; the second
            after `open`.
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
        """Waits until the process knows the video; `Refused` if it cannot be
        read."""
        seconds = _START_S + self._seconds
        _, self.frame_rate = self._process.receive(self.name, seconds)

    def frames(self, _hold):
        """Yields `(index, seconds, frame)`, as of `FileStream.frames`."""
        while True:
            kind, value = self._process.receive(self.name, self._seconds)
            if kind == "end":
                return
            yield value

    def kill(self) -> None:
        """Ends the process; any thread may do so."""
        self._process.kill()

    def close(self) -> None:
        """Ends the process and what leads to it."""
        self._process.close()
