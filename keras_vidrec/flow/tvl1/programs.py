"""The compiled functions that `stream` runs on pairs of one size."""

import functools

import keras
import numpy as np
from keras import ops

from keras_vidrec.flow.tvl1 import pyramid
from keras_vidrec.flow.tvl1 import step


class Programs:
    """What is compiled for one image size, number of lanes and parameters."""

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
        """Runs pairs at a level until one of them is done with it or, if
        `evict`, has hit the limit of iterations."""
        firsts, seconds = zip(*(pair.images[level] for pair in pairs))
        states = tuple(pair.state for pair in pairs)
        # Empty lanes hold a copy that is never worked on.
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
        """State at the start of the next finer level."""
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
    """The programs, those used last being kept; a backend has its own."""
    return Programs(height, width, lanes, parameters)


def _single(state):
    """The state of one lane, its counts in one tensor."""
    *counts, fields, coefficients = state
    return (
        ops.stack([count[0] for count in counts]),
        tuple(field[0] for field in fields),
        tuple(field[0] for field in coefficients),
    )


def compiled(function):
    """The function, compiled by the Keras backend in use."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts the tracings of one code object and warns of many:
        # as a partial, each level and size has a count of its own.
        function = functools.partial(function)
        return tf.function(function, jit_compile=True, autograph=False)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function
