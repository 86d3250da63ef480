"""Clips read by several threads, ahead of the network that sees them."""

import collections
import concurrent.futures
import contextlib
import hashlib

import numpy as np

from keras_vidrec.data.preparing import prepare

# 25 frames and flow of 224 x 224 pixels take 30 MB.
_MOST_AHEAD = 32


@contextlib.contextmanager
def read_ahead(read, tasks, most=_MOST_AHEAD):
    """An iterator of what `read` returns of the tasks, in their order, read by
    several threads, at least one, and so that about `most` results wait."""
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


def draw_of(seed, video, draw):
    """The generator of a random version of a video: a function of the seed,
    the video's name and the number of the version only."""
    digest = hashlib.sha256(video.encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    return np.random.default_rng((seed, number, draw))
