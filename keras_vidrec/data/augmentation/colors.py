"""Changes of color, of all frames of a clip alike.

Those of `BLENDS` take a factor of at least 0, of which 1 changes nothing: the
frames are blended with a plainer picture, `plain + factor * (frame - plain)`,
clipped to 0..255, fraction cut off, as Pillow and torchvision do. What is
measured of a picture, such as its mean gray, is measured of the whole clip, so
that nothing flickers. Frames are uint8 `(num_frames, height, width, 3)`, R G B,
at least one.
"""

import math

import cv2
import numpy as np

# ITU-R 601 luma in 16-bit fixed point, as Pillow's conversion to gray; sums
# with 8-bit values stay below 2^24, where float32 is exact.
_LUMA = np.array([19595, 38470, 7471], dtype=np.float32)

_LEVELS = np.arange(256, dtype=np.float32)
# Pillow's filter, whose middle counts five times.
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


def brightness(frames, factor):
    """Towards black, or away from it."""
    return _look_up(frames, _blend(_LEVELS, 0, factor))


def contrast(frames, factor):
    """Towards the rounded mean gray of the clip, or away from it."""
    mean = math.floor(_gray(frames).mean() + 0.5)
    return _look_up(frames, _blend(_LEVELS, mean, factor))


def saturation(frames, factor):
    """Towards the frame's own gray, or away from it."""
    return _blend(frames, _gray(frames)[..., None], factor)


def sharpness(frames, factor):
    """Towards the smoothed frame, or away from it."""
    smooth = [
        cv2.filter2D(frame, -1, _SMOOTH, borderType=cv2.BORDER_REPLICATE)
        for frame in frames
    ]
    return _blend(frames, np.stack(smooth), factor)


def auto_contrast(frames):
    """Each color stretched so that its range in the clip is all of 0..255."""
    low, high = frames.min(axis=(0, 1, 2)), frames.max(axis=(0, 1, 2))
    spans = np.maximum(high.astype(np.float32) - low, 1)
    table = (_LEVELS[:, None] - low) * np.where(high > low, 255 / spans, 1)
    table += np.where(high > low, 0, low)
    return _look_up(frames, np.clip(table, 0, 255).astype(np.uint8))


def equalize(frames):
    """Each color spread so that all its levels are about as frequent in the
    clip, as `cv2.equalizeHist` does for one picture."""
    flat = frames.reshape(-1, 1, 3)
    planes = [
        cv2.equalizeHist(np.ascontiguousarray(p)) for p in cv2.split(flat)
    ]
    return cv2.merge(planes).reshape(frames.shape)


def solarize(frames, threshold):
    """Levels from a threshold on are inverted; 256 changes nothing."""
    table = np.where(_LEVELS < threshold, _LEVELS, 255 - _LEVELS)
    return _look_up(frames, table.astype(np.uint8))


def posterize(frames, bits):
    """Only the highest bits of each level are kept, of 8."""
    mask = 0xFF & (0xFF << (8 - bits))
    return _look_up(frames, np.arange(256).astype(np.uint8) & np.uint8(mask))


BLENDS = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
}


def _look_up(frames, table):
    # OpenCV looks up images of at most two axes.
    rows = frames.reshape(-1, *frames.shape[2:])
    return cv2.LUT(rows, table.reshape(1, 256, -1)).reshape(frames.shape)


def _blend(values, plain, factor):
    plain = np.asarray(plain, dtype=np.float32)
    blended = values - plain
    blended *= np.float32(factor)
    blended += plain
    return np.clip(blended, 0, 255, out=blended).astype(np.uint8)


def _gray(frames):
    luma = (frames.astype(np.float32) @ _LUMA).astype(np.int32)
    return (luma + 0x8000) >> 16
