"""Videos of several clients, which the network sees together."""

import collections
import concurrent.futures
import queue
import threading
import time

import numpy as np

from keras_vidrec.data.sources.frame_array import Frames
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.shown import Shown

# What the network is compiled with: frames of a usual size.
_BLANK = (16, 240, 320, 3)

# A video, and where its answer goes.
_Asked = tuple[Shown, concurrent.futures.Future]


class Batcher:
    """A thread that asks the network: when it is free, it takes all
    videos that wait and shows them together. It never waits for more.

    It takes 1, 2, 4, 8 ... videos: any other number would need compiling again.

    Args:
        predictor: `evaluation.Predictor`.
        most: int. Videos at a time.
        tell: callable of the number of videos and the seconds of each call.
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
        """Whether it still answers."""
        return self._thread.is_alive()

    def warm(self) -> None:
        """Has the network compiled, before a video waits for it."""
        blank = Frames(np.zeros(_BLANK, np.uint8), 25.0)
        shown = self._predictor.reader(blank)
        number = 1
        while number <= self._most:
            self._predictor.answers([shown] * number)
            number *= 2

    def submit(self, shown: Shown) -> concurrent.futures.Future:
        """The `evaluation.Prediction` of a video, of all classes, in the
        future."""
        future: concurrent.futures.Future = concurrent.futures.Future()
        self._arrived.put((shown, future))
        return future

    def close(self) -> None:
        """Answers what waits, and ends."""
        self._arrived.put(None)
        self._thread.join()

    def _run(self):
        top = len(self._predictor.classes)
        while taken := self._take():
            # No client waits any more for those that are canceled.
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
        """Some that wait; none at the end."""
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
