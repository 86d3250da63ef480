"""Optical flow as 8-bit images, as colored pictures, and as `.flo` files."""

import collections.abc
import os
import pathlib

import cv2
import numpy as np

from keras_vidrec.specs import checks
from keras_vidrec.specs import files

# A .flo file begins with the float 202021.25, bytes "PIEH".
_MAGIC = np.array([202021.25], "<f4").tobytes()
_HEADER_BYTES = 12
# Components above this in a .flo file mean that the flow is unknown.
_UNKNOWN = 1e9


def encode(flow: np.ndarray, bound: float = 20.0) -> np.ndarray:
    """Encodes flow as 8 bits, the form that is stored and given to networks.

    The code of `v`, clipped to `[-bound, bound]`, is
    `rint(255 (v + bound) / (2 bound))` (TSN, authors' programs): 128 is no
    motion, and a step is `2 bound / 255` pixels.

    Args:
        flow: array of any shape, displacements in pixels, without NaN.
        bound: float. The largest displacement that can be represented. Defaults
            to `20.0`.

    Returns:
        uint8 array of the same shape.

    Raises:
        ValueError: if `bound` is not positive, or `flow` has NaN.
    """
    _check_bound(bound)
    flow = np.asarray(flow, np.float32)
    middle = np.float32(127.5)
    # In this form 0 gives exactly 127.5 for every bound.
    code = np.clip(flow, -bound, bound) * np.float32(127.5 / bound) + middle
    if code.size and np.isnan(code.min()):
        raise ValueError(
            "Flow that is no number has no code. Expected displacements in "
            f"pixels. Received: NaN in flow of shape {flow.shape}"
        )
    return np.rint(code).astype(np.uint8)


def decode(code: np.ndarray, bound: float = 20.0) -> np.ndarray:
    """Decodes flow from its 8-bit code; the error is at most `bound / 255`
    pixels for flow within the bound.

    Args:
        code: uint8 array of any shape.
        bound: float. That of `encode`. Defaults to `20.0`.

    Returns:
        float32 array of the same shape, pixels.

    Raises:
        ValueError: if `bound` is not positive, or `code` is not uint8.
    """
    _check_bound(bound)
    code = np.asarray(code)
    if code.dtype != np.uint8:
        raise ValueError(
            f"Expected an 8-bit code of flow, uint8. Received: {code.dtype}"
        )
    flow = code.astype(np.float32)
    flow -= np.float32(127.5)
    flow *= np.float32(bound / 127.5)
    return flow


def scale(
    code: np.ndarray, factors: collections.abc.Sequence[float] | np.ndarray
) -> np.ndarray:
    """Multiplies the vectors of 8-bit flow, for images that were resized.

    The codes of no motion, 127 and 128, are not changed.

    Args:
        code: uint8 array `(number, height, width, 2)` of x, y.
        factors: pair of float, for x and y.

    Returns:
        uint8 array of the same shape; `code` itself if nothing changes.
    """
    if np.all(np.equal(factors, 1)) or not code.size:
        return code
    middle = 127.5
    steps = (np.arange(256) - middle)[:, None] * np.asarray(factors)
    table = np.rint(np.clip(steps, -middle, middle) + middle)
    table[[127, 128]] = [[127], [128]]  # no motion, mirrored and unmirrored
    table = table.astype(np.uint8).reshape(1, 256, 2)
    rows = code.reshape(-1, *code.shape[-2:])
    return cv2.LUT(rows, table).reshape(code.shape)


def to_picture(
    flow: np.ndarray, max_magnitude: float | None = None
) -> np.ndarray:
    """Draws flow in colors: the hue is the direction, the saturation the
    length.

    No motion is white, right is red, down yellow-green, left cyan, up violet;
    unknown flow (not finite, or over 1e9) is black.

    Args:
        flow: array `(..., 2)` of x, y in pixels.
        max_magnitude: `None`, or float. Vectors of at least this length, in
            pixels, are drawn in full color. Defaults to `None`: the largest
            known length in `flow`.

    Returns:
        uint8 array `(..., 3)`, R G B.

    Raises:
        ValueError: if `flow` has another shape, or `max_magnitude` is not
            positive.
    """
    flow = _vectors(flow)
    if max_magnitude is not None:
        checks.check(
            max_magnitude > 0,
            "max_magnitude",
            "a positive number",
            max_magnitude,
        )
    known = (np.abs(flow) <= _UNKNOWN).all(-1)
    flow = np.where(known[..., None], flow, 0)
    length = np.hypot(flow[..., 0], flow[..., 1])
    if max_magnitude is None:
        max_magnitude = float(length.max(initial=0)) or 1.0
    saturation = np.minimum(length / max_magnitude, 1)
    # The hue in sixths of a circle, as in HSV.
    hue = np.arctan2(flow[..., 1], flow[..., 0]) * (3 / np.pi)
    # Each color is 1 up to a sixth from its own hue, and 0 from two sixths on.
    distance = (hue[..., None] - np.array([0, 2, 4]) + 3) % 6 - 3
    missing = np.clip(np.abs(distance) - 1, 0, 1)
    colors = 1 - saturation[..., None] * missing
    colors *= known[..., None]
    return np.rint(255 * colors).astype(np.uint8)


def read_flo(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads the flow of a Middlebury `.flo` file.

    Args:
        path: path of the file.

    Returns:
        float32 array `(height, width, 2)` of x, y in pixels; unknown flow is
        over 1e9.

    Raises:
        ValueError: if it is not such a file, or is incomplete.
        OSError: if it cannot be opened.
    """
    content = pathlib.Path(path).read_bytes()
    if len(content) < _HEADER_BYTES or content[:4] != _MAGIC:
        raise ValueError(
            "Expected a Middlebury flow file, which begins with 'PIEH'. "
            f"Received: {str(path)!r}, which begins with {content[:4]!r}"
        )
    width, height = map(int, np.frombuffer(content[4:_HEADER_BYTES], "<i4"))
    expected = _HEADER_BYTES + 8 * width * height
    if width < 1 or height < 1 or len(content) != expected:
        raise ValueError(
            "Expected a whole Middlebury flow file of a positive size. "
            f"Received: {str(path)!r} of {len(content)} bytes for "
            f"{height} x {width} pixels (height x width)"
        )
    flow = np.frombuffer(content, "<f4", offset=_HEADER_BYTES)
    return flow.reshape(height, width, 2).astype(np.float32)


def write_flo(path: str | os.PathLike[str], flow: np.ndarray) -> None:
    """Writes flow to a Middlebury `.flo` file, atomically.

    Args:
        path: path of the file.
        flow: array `(height, width, 2)` of x, y in pixels.

    Raises:
        ValueError: if `flow` has another shape.
    """
    flow = _vectors(flow)
    if flow.ndim != 3 or not flow.size:
        raise ValueError(
            "Expected flow of shape (height, width, 2). "
            f"Received: shape {flow.shape}"
        )
    height, width, _ = flow.shape
    size = np.array([width, height], "<i4").tobytes()
    # Not flushed: a dataset may have millions of these files.
    with files.replacing(path, sync=False) as temporary:
        temporary.write_bytes(_MAGIC + size + flow.astype("<f4").tobytes())


def _vectors(flow: np.ndarray) -> np.ndarray:
    """Returns flow as float32, after checking its shape and type."""
    flow = np.asarray(flow)
    if flow.ndim < 1 or flow.shape[-1] != 2 or flow.dtype.kind not in "fiu":
        raise ValueError(
            "Expected flow of shape (..., 2), x and y in pixels. "
            f"Received: {flow.dtype} of shape {flow.shape}"
        )
    return flow.astype(np.float32, copy=False)


def _check_bound(bound: float) -> None:
    checks.check(
        bound > 0 and np.isfinite(bound),
        "bound",
        "a positive number of pixels",
        bound,
        " of flow",
    )
