"""Changes of color that are the same for all frames of a clip.

Functions take and return frames: uint8 arrays `(num_frames, height, width, 3)`
of R G B, with at least one frame. Statistics, such as the mean gray, are those
of the whole clip, so that it does not flicker.

`brightness`, `contrast`, `saturation` and `sharpness` also take a factor of at
least 0; 1 changes nothing. They blend the frames with a plainer picture,
`plain + factor * (frame - plain)`, clip the result to 0..255 and cut off
fractions, as Pillow and torchvision do.
"""

import math

import cv2
import numpy as np

# ITU-R 601 luma in 16-bit fixed point, as in Pillow's conversion to gray. Sums
# of products with 8-bit values stay below 2^24, so float32 is exact.
_LUMA = np.array([19595, 38470, 7471], dtype=np.float32)

_LEVELS = np.arange(256, dtype=np.float32)
# Pillow's filter: the weight of the center is 5, of its neighbors 1.
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


def brightness(frames: np.ndarray, factor: float) -> np.ndarray:
    """Blends frames with black."""
    return _look_up(frames, _blend(_LEVELS, 0, factor))


def contrast(frames: np.ndarray, factor: float) -> np.ndarray:
    """Blends frames with the rounded mean gray of the clip."""
    mean = math.floor(_gray(frames).mean() + 0.5)
    return _look_up(frames, _blend(_LEVELS, mean, factor))


def saturation(frames: np.ndarray, factor: float) -> np.ndarray:
    """Blends each frame with its own gray version."""
    return _blend(frames, _gray(frames)[..., None], factor)


def sharpness(frames: np.ndarray, factor: float) -> np.ndarray:
    """Blends each frame with its smoothed version."""
    smooth = [
        cv2.filter2D(frame, -1, _SMOOTH, borderType=cv2.BORDER_REPLICATE)
        for frame in frames
    ]
    return _blend(frames, np.stack(smooth), factor)


def auto_contrast(frames: np.ndarray) -> np.ndarray:
    """Stretches each color linearly, so that its values in the clip range from
    0 to 255. A color that has only one value is not changed."""
    low, high = frames.min(axis=(0, 1, 2)), frames.max(axis=(0, 1, 2))
    spans = np.maximum(high.astype(np.float32) - low, 1)
    table = (_LEVELS[:, None] - low) * np.where(high > low, 255 / spans, 1)
    table += np.where(high > low, 0, low)
    return _look_up(frames, np.clip(table, 0, 255).astype(np.uint8))


def equalize(frames: np.ndarray) -> np.ndarray:
    """Equalizes the histogram of each color over all frames of the clip, as
    `cv2.equalizeHist` does for one picture."""
    flat = frames.reshape(-1, 1, 3)
    planes = [
        cv2.equalizeHist(np.ascontiguousarray(p)) for p in cv2.split(flat)
    ]
    return cv2.merge(planes).reshape(frames.shape)


def solarize(frames: np.ndarray, threshold: float) -> np.ndarray:
    """Inverts the values that are not below `threshold`; 256 changes
    nothing."""
    table = np.where(_LEVELS < threshold, _LEVELS, 255 - _LEVELS)
    return _look_up(frames, table.astype(np.uint8))


def posterize(frames: np.ndarray, bits: int) -> np.ndarray:
    """Keeps only the highest `bits` of the 8 bits of each value."""
    mask = 0xFF & (0xFF << (8 - bits))
    return _look_up(frames, np.arange(256).astype(np.uint8) & np.uint8(mask))


BLENDS = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
}


def _look_up(frames: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replaces each value by that of a table `(256,)` or `(256, 3)`."""
    # cv2.LUT takes images of at most two axes and channels.
    rows = frames.reshape(-1, *frames.shape[2:])
    return cv2.LUT(rows, table.reshape(1, 256, -1)).reshape(frames.shape)


def _blend(values, plain, factor):
    plain = np.asarray(plain, dtype=np.float32)
    blended = values - plain
    blended *= np.float32(factor)
    blended += plain
    return np.clip(blended, 0, 255, out=blended).astype(np.uint8)


def _gray(frames: np.ndarray) -> np.ndarray:
    """The luma of frames: int32 `(num_frames, height, width)`."""
    luma = (frames.astype(np.float32) @ _LUMA).astype(np.int32)
    return (luma + 0x8000) >> 16
