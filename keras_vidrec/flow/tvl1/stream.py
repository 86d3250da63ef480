"""TV-L1 on any number of image pairs, a few lanes at a time."""

import collections

import keras
import numpy as np
from keras import ops

from keras_vidrec.flow.tvl1 import programs
from keras_vidrec.flow.tvl1.parameters import Parameters
from keras_vidrec.specs import checks

# A CPU's caches hold about one pair of 340x256; a GPU needs many to be busy.
_LANES_OF_A_CPU, _LANES_OF_A_GPU = 1, 64


def stream(pairs, *, lanes=None, **parameters):
    """Optical flow of many pairs of images of one size.

    `lanes` pairs at one level of the pyramid are worked on together. A pair
    that has finished the level leaves its lane to the next one that waits
    there, and a pair that reaches the limit of iterations (a scene cut) is
    put aside, to go on only among its like: neither holds the others. The
    flow of a pair is the same to the bit whichever pairs share its lanes.

    Memory holds at most `2 * lanes * scales` pairs, whatever the number of
    pairs; no pair is asked for before it is needed.

    Args:
        pairs: Iterable of `(key, first, second)`: anything that names the
            pair, and two uint8 arrays `(height, width)`, gray, all of one
            size.
        lanes: `None`, or int. Pairs worked on together. Defaults to `None`:
            1 where Keras runs on a CPU, 64 on a GPU.
        **parameters: See `Parameters`.

    Yields:
        `(key, flow)` as the pairs are finished, flow a float32 array
        `(height, width, 2)`: motion right and down in pixels. With one lane
        the pairs come out in the order they went in.

    Raises:
        ValueError: on a parameter out of range, or a pair of another size or
            type.
    """
    parameters = Parameters(**parameters).check()
    if lanes is None:
        lanes = _default_lanes()
    checks.count("lanes", lanes)
    return _flows(iter(pairs), lanes, parameters)


def _default_lanes():
    on_gpu = "gpu" in keras.distribution.list_devices()[0].lower()
    return _LANES_OF_A_GPU if on_gpu else _LANES_OF_A_CPU


def _flows(pairs, lanes, parameters):
    crew = None
    for key, first, second in pairs:
        if crew is None:
            height, width = _checked(key, first, first.shape).shape
            crew = _Crew(height, width, lanes, parameters)
        for image in (first, second):
            _checked(key, image, (height, width))
        crew.enter(key, first, second)
        while crew.is_busy():
            yield from crew.work()
    while crew is not None and crew.in_flight:
        yield from crew.work()


def _checked(key, image, size):
    if image.dtype != np.uint8 or image.ndim != 2 or image.shape != size:
        raise ValueError(
            "Expected gray uint8 images (height, width), all of one size. "
            f"Received: shape={image.shape}, dtype={image.dtype} in the pair "
            f"{key!r}"
        )
    return image


class _Pair:
    """A pair on its way through the levels."""

    def __init__(self, key, images, state):
        self.key = key
        self.images = images
        self.state = state


class _Crew:
    """Pairs of one size in flight, waiting in a queue for each level."""

    def __init__(self, height, width, lanes, parameters):
        self._programs = programs.programs(
            height, width, lanes, parameters, keras.backend.backend()
        )
        self._lanes = lanes
        self._warps = parameters.warps
        self._coarsest = self._programs.levels - 1
        # By (level, whether the pairs there have hit the limit before).
        self._queues = {
            (level, slow): collections.deque()
            for slow in (False, True)
            for level in range(self._programs.levels)
        }
        self.in_flight = 0

    def enter(self, key, first, second):
        images, state = self._programs.enter(
            first.astype("float32"), second.astype("float32")
        )
        self._queues[self._coarsest, False].append(_Pair(key, images, state))
        self.in_flight += 1

    def is_busy(self):
        """Whether a queue can fill all lanes. With `2 * lanes * levels`
        pairs in flight one always can."""
        return any(len(q) >= self._lanes for q in self._queues.values())

    def work(self):
        """Advances one queue until a lane falls free; yields the finished."""
        place = self._choose()
        level, slow = place
        queue = self._queues[place]
        pairs = [queue.popleft() for _ in range(min(self._lanes, len(queue)))]
        self._programs.advance(level, pairs, evict=not slow)
        staying = []
        for pair in pairs:
            warp, _, exhausted = (int(count) for count in pair.state[0])
            if warp < self._warps:
                slower = slow or (exhausted > 0 and self._lanes > 1)
                if slower == slow:
                    staying.append(pair)
                else:
                    self._queues[level, True].append(pair)
            elif level:
                pair.state = self._programs.descend(level, pair.state)
                self._queues[level - 1, slow].append(pair)
            else:
                self.in_flight -= 1
                flow = map(ops.convert_to_numpy, pair.state[1][:2])
                yield pair.key, np.stack(list(flow), axis=-1)
        queue.extendleft(reversed(staying))

    def _choose(self):
        """The finest full queue; while emptying, the coarsest, so that pairs
        meet on their way down."""
        full = [p for p, q in self._queues.items() if len(q) >= self._lanes]
        if full:
            return min(full)
        return max(
            (p for p, q in self._queues.items() if q),
            key=lambda place: (not place[1], place[0]),
        )
