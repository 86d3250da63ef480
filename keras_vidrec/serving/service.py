"""The work of a server, independent of HTTP."""

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
    """A limit on the number of tasks at a time.

    Args:
        most: int. Largest number of tasks.
        what: str. What the tasks are, for the error.

    Attributes:
        taken: int. Number of current tasks.
    """

    def __init__(self, most: int, what: str):
        self._most, self._what = most, what
        self.taken = 0

    def check(self) -> None:
        """Raises `Refused` if the limit is reached."""
        if self.taken >= self._most:
            raise too_many(f"{self.taken} {self._what}")

    @contextlib.contextmanager
    def one(self):
        """Counts a task while the context is open, or raises `Refused`."""
        self.check()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Service:
    """Predicts the classes of videos. They are decoded in other processes, and
    the network gets batches of them.

    Args:
        predictor: `evaluation.Predictor`.
        limits: `Limits`.

    Attributes:
        predictor, limits: as given.
        metrics: `Metrics`.
        videos: `Places` of videos that are processed or wait.
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
        """Starts the processes and threads, and compiles the network. A second
        call does nothing."""
        if self._directory is not None:
            return
        self._decoders = Decoders(self.predictor.reader, self.limits)
        self._batcher = Batcher(
            self.predictor, self.limits.batch, self.metrics.computed
        )
        self._batcher.warm()
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="vidrec-serve-"))

    def close(self) -> None:
        """Ends the processes and threads, and removes temporary files."""
        if self._decoders is not None:
            self._decoders.close()
        if self._batcher is not None:
            self._batcher.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def is_alive(self) -> bool:
        """Whether it has started and the network's thread is running: bool."""
        return self._batcher is not None and self._batcher.is_alive

    @property
    def decoders(self) -> list:
        """The ids of the processes that decode: list of int."""
        return self._workers()[0].processes

    def _workers(self) -> tuple[Decoders, Batcher]:
        """Returns the decoders and the batcher. Raises `Refused` if the service
        has not started."""
        if self._decoders is None or self._batcher is None:
            raise Refused(503, "The server has not started.")
        return self._decoders, self._batcher

    @contextlib.asynccontextmanager
    async def kept(self, upload, name: str):
        """Copies an upload to a file that is removed after the context.

        Args:
            upload: an open binary file.
            name: str. Name of the video.

        Yields:
            `pathlib.Path` of the file.
        """
        # Only the suffix of the name is kept: some formats need it.
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
            upload.close()  # frees the memory or disk space of the upload
        except OSError as error:
            raise Refused(
                507, f"The server cannot store the video: {error.strerror}."
            ) from None

    async def predict(self, path, name: str, top: int) -> Prediction:
        """Classifies a video.

        Args:
            path: path of the file.
            name: str. Name of the video in the answer.
            top: int. Largest number of classes.

        Returns:
            `evaluation.predictor.Prediction`.

        Raises:
            Refused: if the video cannot be read.
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
        """Starts to predict the classes of the windows of a video.

        Args:
            path: path of the file.
            name: str. Name of the video in errors.
            asked: `frame_rate`, see `FrameProcess`; `window`, `stride` and
                `top`, see `Watching`.

        Returns:
            `Watching`.
        """
        frames = FrameProcess(
            self.predictor.reader,
            self.limits,
            path,
            name,
            asked.pop("frame_rate"),
        )
        return Watching(self.predictor, frames, **asked)


class Watching:
    """Predicts the classes of the windows of one video, one after the other.

    Args:
        predictor: `evaluation.Predictor`.
        frames: `FrameProcess`. `close` also closes it.
        window, stride: float. Seconds of a window, and between the starts of
            windows.
        top: int. Largest number of classes.
    """

    def __init__(self, predictor: Predictor, frames, *, window, stride, top):
        self._predictor, self._frames = predictor, frames
        self._top = top
        self._windows = self._all(window, stride)
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "windows")

    async def next(self) -> dict | None:
        """Returns the next window.

        Returns:
            dict of `start`, `end` (seconds), `classes` (the best first),
            `probabilities` and `present`; or `None` after the last window.

        Raises:
            Refused: if the video cannot be read.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, next, self._windows, None
        )

    def close(self) -> None:
        """Stops reading at once."""
        self._frames.kill()
        # The thread may still compute a window; it closes the rest afterwards.
        self._thread.submit(self._windows.close)
        self._thread.submit(self._frames.close)
        self._thread.shutdown(wait=False)

    def _all(self, window, stride):
        """Yields the dicts that `next` returns."""
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
