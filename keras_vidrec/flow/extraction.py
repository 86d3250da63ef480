"""Optical flow of many pairs of frames, by any method."""

import collections.abc
import typing

import cv2
import numpy as np

from keras_vidrec.flow import camera
from keras_vidrec.flow import opencv
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs import checks

# Most results without known camera motion that wait for a batch of others.
_MAX_WAITING = 32


def gray(frame: np.ndarray) -> np.ndarray:
    """Returns the luminance, uint8 `(height, width)`, from which flow is
    computed, of a uint8 R G B frame `(height, width, 3)`."""
    return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)


def check_method(method: str) -> None:
    """Raises a `ValueError` if there is no such method of flow, or this machine
    cannot compute it (`opencv.check_brox`)."""
    checks.choice("method", method, FLOW_METHODS)
    if method == "brox":
        opencv.check_brox()


def flows(
    pairs: collections.abc.Iterable[tuple], method: str = "tvl1"
) -> collections.abc.Iterator[tuple[typing.Any, np.ndarray]]:
    """Computes the optical flow of many pairs of frames.

    Pairs are read when they are needed; a limited number is in memory.

    Args:
        pairs: iterable of `(key, first, second)`: any key, and two uint8
            arrays `(height, width)`. All frames have the same size.
        method: str. One of `clip_spec.FLOW_METHODS`. `"tvl1"` is compiled
            for each size of frames, which takes about ten seconds. Defaults
            to `"tvl1"`.

    Yields:
        `(key, flow)` for each pair, in any order. `flow` is a float32 array
        `(height, width, 2)`: the motion x, y of the points of `first`, in
        pixels.

    Raises:
        ValueError: if the method is unknown or this machine cannot compute it,
            or the frames have another shape or different sizes.
    """
    check_method(method)
    pairs = _checked(pairs)
    if method == "tvl1":
        # Imported here because Keras takes seconds to import.
        from keras_vidrec.flow.tvl1 import flow as tvl1

        return tvl1.stream(pairs)
    flow_of = _OPENCV_METHODS[method]
    return ((key, flow_of(first, second)) for key, first, second in pairs)


def flows_and_warped(
    pairs: collections.abc.Iterable[tuple], method: str = "tvl1"
) -> collections.abc.Iterator[tuple[typing.Any, np.ndarray, np.ndarray]]:
    """Computes optical flow, and warped flow without camera motion.

    The second frame is aligned with the first (`camera.align`), and the flow is
    computed again (TSN, section 3.1).

    Args:
        pairs: see `flows`; keys must be hashable and different.
        method: str. See `flows`.

    Yields:
        `(key, flow, warped_flow)` for each pair, in any order. If the camera
        motion cannot be estimated, `warped_flow` is `flow`.

    Raises:
        ValueError: see `flows`.
    """
    frames: dict = {}
    first_flows: dict = {}
    unaligned: list = []

    def remembered():
        for key, first, second in pairs:
            frames[key] = first, second
            yield key, first, second

    plain = iter(flows(remembered(), method))

    def aligned():
        while len(unaligned) < _MAX_WAITING:
            key, flow = next(plain, (None, None))
            if flow is None:
                return
            first, second = frames.pop(key)
            still = camera.align(first, second, flow)
            if still is None:
                unaligned.append((key, flow, flow))
            else:
                first_flows[key] = flow
                yield key, first, still

    def results():
        more = True
        while more:
            for key, warped_flow in flows(aligned(), method):
                yield key, first_flows.pop(key), warped_flow
            # `unaligned` is full, or there are no more pairs.
            more = len(unaligned) >= _MAX_WAITING
            yield from unaligned
            unaligned.clear()

    return results()


def _checked(pairs):
    """Yields the pairs after checking the shape, type and size of frames."""
    size = None
    for key, first, second in pairs:
        size = size or first.shape
        for frame in (first, second):
            if frame.dtype != np.uint8 or frame.ndim != 2 or not frame.size:
                raise ValueError(
                    "Expected gray frames, uint8 of shape (height, width). "
                    f"Received: {frame.dtype} of shape {frame.shape}"
                )
            if frame.shape != size:
                raise ValueError(
                    "Expected frames of one size. Received: shapes "
                    f"{frame.shape} and {size}"
                )
        yield key, first, second


_OPENCV_METHODS = {
    "dis": opencv.dis_flow,
    "farneback": opencv.farneback_flow,
    "brox": opencv.brox_flow,
}
