"""What a server does for its clients, whatever they speak."""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile

from keras_vidrec.evaluation.predictor import Prediction
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.serving.batcher import Batcher
from keras_vidrec.serving.decoder import Decoders
from keras_vidrec.serving.decoder import FrameProcess
from keras_vidrec.serving.limits import Limits
from keras_vidrec.serving.metrics import Metrics
from keras_vidrec.serving.refusals import Refused
from keras_vidrec.serving.refusals import too_many
from keras_vidrec.videos.errors import VideoError


class Places:
    """So many at a time, and no more.

    Args:
        most: int.
        what: str. What takes the places, for the error.
    """

    def __init__(self, most: int, what: str):
        self._most, self._what = most, what
        self.taken = 0

    def check(self) -> None:
        """Raises `Refused` if all are taken."""
        if self.taken >= self._most:
            raise too_many(f"{self.taken} {self._what}")

    @contextlib.contextmanager
    def one(self):
        """Takes a place for the context, or raises `Refused`."""
        self.check()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Service:
    """Answers about videos: decoded in other processes, seen by the network
    together.

    Args:
        predictor: `evaluation.Predictor`.
        limits: `Limits`.

    Attributes:
        predictor, limits: as given.
        metrics: `Metrics`.
        videos: `Places` of videos that are being answered.
        streams: `Places` of requests of windows.
    """

    def __init__(self, predictor: Predictor, limits: Limits):
        self.predictor, self.limits = predictor, limits
        self.videos = Places(limits.queue, "videos wait")
        self.streams = Places(limits.streams, "videos are watched")
        self._decoders: Decoders | None = None
        self._batcher: Batcher | None = None
        self._directory: pathlib.Path | None = None
        self.metrics = Metrics(
            lambda: self.videos.taken,
            lambda: self._decoders.restarts if self._decoders else 0,
        )

    def start(self) -> None:
        """Starts what works, and has the network compiled. Once is enough."""
        if self._directory is not None:
            return
        self._decoders = Decoders(self.predictor.reader, self.limits)
        self._batcher = Batcher(
            self.predictor, self.limits.batch, self.metrics.computed
        )
        self._batcher.warm()
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="vidrec-serve-"))

    def close(self) -> None:
        """Ends it. Nothing stays in temporary directories."""
        if self._decoders is not None:
            self._decoders.close()
        if self._batcher is not None:
            self._batcher.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def is_alive(self) -> bool:
        """Whether it answers."""
        return self._batcher is not None and self._batcher.is_alive

    @property
    def decoders(self) -> list:
        """List of int. Numbers of the processes that decode."""
        return self._workers()[0].processes

    def _workers(self) -> tuple[Decoders, Batcher]:
        """What reads videos and what asks the network, once it has started."""
        if self._decoders is None or self._batcher is None:
            raise Refused(503, "The server has not started.")
        return self._decoders, self._batcher

    @contextlib.asynccontextmanager
    async def kept(self, upload, name: str):
        """Yields the path of a file with what a client sent; it is gone after
        the context.

        Args:
            upload: an open binary file.
            name: str. Of the video.
        """
        # The ending is all that is kept of the name: some formats need it.
        suffix = pathlib.PurePath(name).suffix
        suffix = suffix if suffix[1:].isalnum() and len(suffix) < 9 else ""
        handle, path = tempfile.mkstemp(suffix, dir=self._directory)
        try:
            await asyncio.to_thread(self._copy, upload, handle)
            yield pathlib.Path(path)
        finally:
            pathlib.Path(path).unlink(missing_ok=True)

    def _copy(self, upload, handle):
        try:
            with os.fdopen(handle, "wb") as file:
                upload.seek(0)
                shutil.copyfileobj(upload, file, 2**20)
            upload.close()  # it may take as much room
        except OSError as error:
            raise Refused(
                507, f"The server cannot keep the video: {error.strerror}."
            ) from None

    async def predict(self, path, name: str, top: int) -> Prediction:
        """Classifies a video.

        Args:
            path: path of the file.
            name: str. What the answer calls it.
            top: int. How many classes.

        Raises:
            Refused: if it cannot be read.
        """
        decoders, batcher = self._workers()
        with self.metrics.decoding():
            shown = await asyncio.wrap_future(decoders.submit(path, name))
        answer = await asyncio.wrap_future(batcher.submit(shown))
        remarks = await asyncio.to_thread(self.predictor.remarks, path)
        return dataclasses.replace(
            answer,
            video=name,
            classes=answer.classes[:top],
            probabilities=answer.probabilities[:top],
            remarks=remarks,
        )

    def watch(self, path, name: str, **asked) -> "Watching":
        """The windows of a video, see `Watching`."""
        frames = FrameProcess(
            self.predictor.reader,
            self.limits,
            path,
            name,
            asked.pop("frame_rate"),
        )
        return Watching(self.predictor, frames, **asked)


class Watching:
    """The windows of one video, one after the other.

    Args:
        predictor: `evaluation.Predictor`.
        frames: `FrameProcess`. It ends with this.
        window, stride: float. Seconds.
        top: int. How many classes.
    """

    def __init__(self, predictor: Predictor, frames, *, window, stride, top):
        self._predictor, self._frames = predictor, frames
        self._top = top
        self._windows = self._all(window, stride)
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "windows")

    async def next(self) -> dict | None:
        """The next window: `start`, `end` (seconds), `classes` (the best
        first), `probabilities`, `present`; `None` at the end.

        Raises:
            Refused: if the video cannot be read.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, next, self._windows, None
        )

    def close(self) -> None:
        """Ends it, at once."""
        self._frames.kill()
        # The thread may still be at a window, until it finds the end.
        self._thread.submit(self._windows.close)
        self._thread.submit(self._frames.close)
        self._thread.shutdown(wait=False)

    def _all(self, window, stride):
        predictor, top = self._predictor, self._top
        try:
            self._frames.open()
            for found in predictor.windows(self._frames, window, stride):
                order = (-found.probabilities).argsort(kind="stable")
                present = found.present
                yield {
                    "start": found.start,
                    "end": found.end,
                    "classes": [predictor.classes[i] for i in order[:top]],
                    "probabilities": found.probabilities[order[:top]].tolist(),
                    "present": None
                    if present is None
                    else [predictor.classes[i] for i in order if present[i]],
                }
        except (VideoError, ValueError) as error:
            raise Refused(422, str(error)) from None
