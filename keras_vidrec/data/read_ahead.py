"""Reads clips in several threads while a network computes."""

import collections
import concurrent.futures
import contextlib
import hashlib

import numpy as np

from keras_vidrec.data.preparing import prepare

# The largest number of clips in memory. 25 frames and their flow of 224 x 224
# pixels take 30 MB.
_MOST_AHEAD = 32


@contextlib.contextmanager
def read_ahead(read, tasks, most=_MOST_AHEAD):
    """Calls a function for each task in several threads.

    Args:
        read: callable that takes a task.
        tasks: iterable.
        most: int. About the largest number of results that are computed before
            they are used. Defaults to `32`.

    Yields:
        Iterator over the results, in the order of the tasks.
    """
    threads = max(min(prepare.num_cores(), most // 2), 1)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:

        def results():
            waiting = collections.deque()
            for task in tasks:
                waiting.append(pool.submit(read, task))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        try:
            yield results()
        finally:
            pool.shutdown(cancel_futures=True)


def draw_of(seed: int, video: str, draw: int) -> np.random.Generator:
    """Returns the random generator of a version of a video. It depends only on
    the seed, the video's name and `draw`, the number of the version."""
    digest = hashlib.sha256(video.encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    return np.random.default_rng((seed, number, draw))
