"""Runs the network on batches of the videos of several clients."""

import collections
import concurrent.futures
import queue
import threading
import time

import numpy as np

from keras_vidrec.data.sources.frame_array import Frames
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.shown import Shown

# The shape of the video that the network is compiled with.
_BLANK = (16, 240, 320, 3)

# A video, and the future that gets its answer.
_Asked = tuple[Shown, concurrent.futures.Future]


class Batcher:
    """A thread that runs the network. Each time the network is free, it gets
    a batch of the waiting videos. The thread does not wait for a full batch.

    A batch has 1, 2, 4, 8 ... videos: each other number would be compiled
    separately.

    Args:
        predictor: `evaluation.Predictor`.
        most: int. Largest number of videos in a batch.
        tell: function that is called after each batch, with its number of
            videos and the seconds of the call.
    """

    def __init__(self, predictor: Predictor, most: int, tell):
        self._predictor = predictor
        self._most = min(most, predictor.together)
        self._tell = tell
        self._arrived: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._waiting: collections.deque[_Asked] = collections.deque()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._run, name="network", daemon=True
        )
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread is running: bool."""
        return self._thread.is_alive()

    def warm(self) -> None:
        """Compiles the network for all sizes of batches."""
        blank = Frames(np.zeros(_BLANK, np.uint8), 25.0)
        shown = self._predictor.reader(blank)
        number = 1
        while number <= self._most:
            self._predictor.answers([shown] * number)
            number *= 2

    def submit(self, shown: Shown) -> concurrent.futures.Future:
        """Adds a video to the waiting ones.

        Args:
            shown: `evaluation.shown.Shown`. The clips of the video.

        Returns:
            Future of the `evaluation.Prediction` of the video, with all
            classes.
        """
        future: concurrent.futures.Future = concurrent.futures.Future()
        self._arrived.put((shown, future))
        return future

    def close(self) -> None:
        """Answers the waiting videos, and ends the thread."""
        self._arrived.put(None)
        self._thread.join()

    def _run(self):
        top = len(self._predictor.classes)
        while taken := self._take():
            # Canceled futures are those of clients that have disconnected.
            some = [t for t in taken if t[1].set_running_or_notify_cancel()]
            futures = [future for _, future in some]
            begun = time.perf_counter()
            try:
                answers = self._predictor.answers([s for s, _ in some], top)
            except Exception as error:
                for future in futures:
                    future.set_exception(error)
                continue
            self._tell(len(some), time.perf_counter() - begun)
            for future, answer in zip(futures, answers, strict=True):
                future.set_result(answer)

    def _take(self):
        """Waits for videos and returns a batch of them: list of `_Asked`,
        empty after `close`."""
        while not self._is_closed and len(self._waiting) < self._most:
            try:
                one = self._arrived.get(block=not self._waiting)
            except queue.Empty:
                break
            if one is None:
                self._is_closed = True
            else:
                self._waiting.append(one)
        if not self._waiting:
            return []
        number = 1 << (min(len(self._waiting), self._most).bit_length() - 1)
        return [self._waiting.popleft() for _ in range(number)]
