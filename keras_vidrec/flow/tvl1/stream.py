"""TV-L1 flow of any number of image pairs, several at the same time."""

import collections
import functools

import keras
import numpy as np
from keras import ops

from keras_vidrec.flow.tvl1 import pyramid
from keras_vidrec.flow.tvl1 import step
from keras_vidrec.flow.tvl1.parameters import DEFAULTS
from keras_vidrec.specs import checks

# The caches of a CPU hold about one pair of 340x256; a GPU needs many pairs.
_LANES_OF_A_CPU, _LANES_OF_A_GPU = 1, 64


def stream(pairs, *, lanes=None, parameters=DEFAULTS):
    """Computes the optical flow of many pairs of images of one size.

    `lanes` pairs are processed together, all at one level of the pyramid. When
    a pair has finished the level, another pair at this level takes its lane.
    Pairs that reach the limit of iterations (a scene cut) are processed
    separately from then on, so that others do not wait for them. The flow of a
    pair is bitwise the same whichever pairs are processed with it. Pairs are
    read when they are needed; at most `2 * lanes * scales` are in memory.

    Args:
        pairs: iterable of `(key, first, second)`: any key, and two uint8
            arrays `(height, width)`, gray, all of one size.
        lanes: `None`, or int. Number of pairs that are processed together.
            Defaults to `None`: 1 if Keras runs on a CPU, 64 on a GPU.
        parameters: `Parameters`. Defaults to OpenCV's.

    Yields:
        `(key, flow)` of finished pairs. `flow` is a float32 array
        `(height, width, 2)`: motion right and down in pixels. With one lane
        pairs are finished in the order of `pairs`.

    Raises:
        ValueError: if a parameter is out of range, or a pair has another size
            or type.
    """
    parameters.check()
    if lanes is None:
        on_gpu = "gpu" in keras.distribution.list_devices()[0].lower()
        lanes = _LANES_OF_A_GPU if on_gpu else _LANES_OF_A_CPU
    checks.count("lanes", lanes)
    return _flows(iter(pairs), lanes, parameters)


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
    """An unfinished pair: its images at all levels, and its `_single` state."""

    def __init__(self, key, images, state):
        self.key = key
        self.images = images
        self.state = state


class _Crew:
    """The unfinished pairs, all of one size, in queues by level."""

    def __init__(self, height, width, lanes, parameters):
        self._programs = programs(
            height, width, lanes, parameters, keras.backend.backend()
        )
        self._lanes = lanes
        self._warps = parameters.warps
        self._coarsest = self._programs.levels - 1
        # By (level, slow): slow pairs have reached the limit of iterations.
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
        """Whether one of the queues has enough pairs for all lanes. With
        `2 * lanes * levels` unfinished pairs this is always the case."""
        return any(len(q) >= self._lanes for q in self._queues.values())

    def work(self):
        """Processes the pairs of one queue until one of them leaves it. Yields
        `(key, flow)` of finished pairs."""
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
        """Returns the key of the queue to process: the finest one that can fill
        all lanes, or if none can, the coarsest (slow ones last), so that its
        pairs join those at finer levels."""
        full = [p for p, q in self._queues.items() if len(q) >= self._lanes]
        if full:
            return min(full)
        return max(
            (p for p, q in self._queues.items() if q),
            key=lambda place: (not place[1], place[0]),
        )


class Programs:
    """The compiled functions for one image size and number of lanes."""

    def __init__(self, height, width, lanes, parameters):
        self._parameters = parameters
        self._lanes = lanes
        self._sizes = pyramid.level_sizes(height, width, parameters)
        self.levels = len(self._sizes)
        self.enter = compiled(self._enter)
        self._advance = [compiled(self._run) for _ in self._sizes]
        self._descend = [
            compiled(functools.partial(self._refine, level))
            for level in range(self.levels)
        ]

    def advance(self, level, pairs, evict):
        """Updates the states of pairs at a level, until one of them has
        finished the level or, with `evict`, has reached the limit of
        iterations."""
        firsts, seconds = zip(*(pair.images[level] for pair in pairs))
        states = tuple(pair.state for pair in pairs)
        # Empty lanes contain a copy of the first pair, which is not processed.
        empty = self._lanes - len(pairs)
        taken = np.arange(self._lanes) < len(pairs)
        firsts += firsts[:1] * empty
        seconds += seconds[:1] * empty
        states += states[:1] * empty
        evict = np.array(evict and self._lanes > 1)
        new = self._advance[level](firsts, seconds, states, taken, evict)
        counts, rest = new
        counts = ops.convert_to_numpy(counts)
        for lane, pair in enumerate(pairs):
            pair.state = (counts[:, lane], *rest[lane])

    def descend(self, level, state):
        """Returns the state of a lane at the start of the next finer level."""
        return self._descend[level](*state[1][:2])

    def _enter(self, first, second):
        levels = [
            pyramid.smaller_images(image[None], self._sizes, self._parameters)
            for image in (first, second)
        ]
        images = tuple((a[0], b[0]) for a, b in zip(*levels))
        nothing = ops.zeros_like(levels[0][-1])
        return images, _single(step.start(nothing, nothing))

    def _refine(self, level, flow_x, flow_y):
        height, width, _ = self._sizes[level - 1]
        flow = pyramid.larger_flow(
            flow_x[None], flow_y[None], height, width, self._parameters
        )
        return _single(step.start(*flow))

    def _run(self, firsts, seconds, states, taken, evict):
        warps = self._parameters.warps
        first, second = ops.stack(firsts), ops.stack(seconds)
        counts = ops.stack([state[0] for state in states], axis=1)
        warp, outer, exhausted = (counts[i] for i in range(3))
        warp = ops.where(taken, warp, warps)
        fields, coefficients = (
            tuple(ops.stack(field) for field in zip(*part))
            for part in zip(*(state[1:] for state in states))
        )

        def goes_on(warp, outer, exhausted, fields, coefficients):
            left = ops.logical_or(
                warp >= warps, ops.logical_and(evict, exhausted > 0)
            )
            return ~ops.any(ops.logical_and(taken, left))

        def body(*state):
            return step.tick(state, first, second, self._parameters)

        *counts, fields, coefficients = ops.while_loop(
            goes_on, body, (warp, outer, exhausted, fields, coefficients)
        )
        rest = tuple(
            tuple(tuple(field[lane] for field in part) for part in parts)
            for lane, parts in enumerate([(fields, coefficients)] * self._lanes)
        )
        return ops.stack(counts), rest


@functools.lru_cache(maxsize=4)
def programs(height, width, lanes, parameters, backend):
    """Returns the compiled functions; the last four are cached, by backend."""
    return Programs(height, width, lanes, parameters)


def _single(state):
    """Returns the state of a lane: its counts, fields and coefficients."""
    *counts, fields, coefficients = state
    return (
        ops.stack([count[0] for count in counts]),
        tuple(field[0] for field in fields),
        tuple(field[0] for field in coefficients),
    )


def compiled(function):
    """Returns a function compiled by the current Keras backend; on PyTorch the
    function itself."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow warns if one code object is traced often. A partial for
        # each level and size is counted separately.
        function = functools.partial(function)
        return tf.function(function, jit_compile=True, autograph=False)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function
