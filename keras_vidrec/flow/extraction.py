"""The one door to optical flow: pairs of frames in, flow out, any method."""

import collections.abc
import typing

import cv2
import numpy as np

from keras_vidrec.flow import camera
from keras_vidrec.flow import opencv
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs import checks

# Pairs without a camera's motion that wait until others are ready.
_MAX_WAITING = 32


def gray(frame):
    """Luminance of a uint8 R G B frame, of which flow is made."""
    return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)


def check_method(method):
    """Raises a `ValueError` if there is no such method of flow, or it cannot
    compute here (`opencv.check_brox`)."""
    checks.choice("method", method, FLOW_METHODS)
    if method == "brox":
        opencv.check_brox()


def flows(
    pairs: collections.abc.Iterable[tuple], method: str = "tvl1"
) -> collections.abc.Iterator[tuple[typing.Any, np.ndarray]]:
    """Optical flow of many pairs of frames.

    Lazy: it draws pairs as it needs them and holds a bounded number of them.

    Args:
        pairs: iterable of `(key, first, second)`: any key, and two uint8
            arrays `(height, width)`; all of one size.
        method: str. One of `clip_spec.FLOW_METHODS`. `"tvl1"` is compiled
            for each size of frames, which takes some ten seconds. Defaults
            to `"tvl1"`.

    Yields:
        `(key, flow)` of each pair, in any order: float32 `(height, width, 2)`
        of x, y in pixels, by which a point of `first` moves to `second`.

    Raises:
        ValueError: if the method is unknown or cannot compute here, or the
            frames have another form or more than one size.
    """
    check_method(method)
    pairs = _checked(pairs)
    if method == "tvl1":
        # It needs Keras, which takes its time to start.
        from keras_vidrec.flow.tvl1 import flow as tvl1

        return tvl1.stream(pairs)
    flow_of = _OPENCV_METHODS[method]
    return ((key, flow_of(first, second)) for key, first, second in pairs)


def flows_and_warped(
    pairs: collections.abc.Iterable[tuple], method: str = "tvl1"
) -> collections.abc.Iterator[tuple[typing.Any, np.ndarray, np.ndarray]]:
    """Optical flow and warped flow, without camera motion (TSN, section 3.1):
    the second frame is aligned with the first and the flow is computed again;
    see `camera.align`.

    Args:
        pairs: as for `flows`; keys are hashable and differ.
        method: str. As for `flows`.

    Yields:
        `(key, flow, warped_flow)` of each pair, in any order. Where the
        camera's motion cannot be found, the warped flow is the flow.

    Raises:
        ValueError: as `flows`.
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
            # The inner loop ended because too many wait, or nothing is left.
            more = len(unaligned) >= _MAX_WAITING
            yield from unaligned
            unaligned.clear()

    return results()


def _checked(pairs):
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
