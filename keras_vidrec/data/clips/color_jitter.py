"""Changes of color: one draw a clip, applied to all its frames alike."""

import dataclasses
import math

import cv2
import numpy as np

from keras_vidrec.specs import checks

STEPS = ("brightness", "contrast", "saturation")

# ITU-R 601 luma in 16-bit fixed point, as Pillow's conversion to gray; sums
# with 8-bit values stay below 2^24, where float32 is exact.
_LUMA = np.array([19595, 38470, 7471], dtype=np.float32)

_LEVELS = np.arange(256, dtype=np.float32)


@dataclasses.dataclass(frozen=True)
class ColorJitter:
    """Changes of color, one after the other: pairs of `"brightness"`,
    `"contrast"` or `"saturation"` and a factor of at least 0, of which 1
    changes nothing."""

    steps: tuple


def draw_color_jitter(rng, strength=0.4):
    """Draws three changes, of brightness, contrast and saturation in random
    order, with factors from `[1 - strength, 1 + strength]`.

    Raises:
        ValueError: if `strength` is outside 0 to 1.
    """
    checks.number("strength", strength, 0, 1)
    factors = rng.uniform(1 - strength, 1 + strength, size=len(STEPS))
    order = rng.permutation(len(STEPS))
    return ColorJitter(tuple((STEPS[i], float(factors[i])) for i in order))


def apply_color(frames, jitter):
    """Changes the colors of all frames of a clip alike.

    Each step blends the frames with a plainer picture,
    `plain + factor * (frame - plain)`, clipped to 0..255, fraction cut off, as
    Pillow and torchvision do: black for brightness, the rounded mean gray for
    contrast, the frame's own gray for saturation. The mean gray is that of the
    whole clip, so that contrast cannot flicker; for a single frame it is
    theirs.

    Args:
        frames: uint8 array `(num_frames, height, width, 3)`, R G B, at least
            one frame.
        jitter: `ColorJitter`.

    Returns:
        uint8 array of the same shape.

    Raises:
        ValueError: if the frames have another form or a step is unknown.
    """
    if (
        frames.ndim != 4
        or frames.dtype != np.uint8
        or frames.shape[-1] != 3
        or not frames.size
    ):
        raise ValueError(
            "Expected uint8 frames of shape (num_frames, height, width, 3). "
            f"Received: {frames.dtype} of shape {frames.shape}"
        )
    for name, factor in jitter.steps:
        if name == "brightness":
            frames = _look_up(frames, _blend(_LEVELS, 0, factor))
        elif name == "contrast":
            mean = math.floor(_gray(frames).mean() + 0.5)
            frames = _look_up(frames, _blend(_LEVELS, mean, factor))
        elif name == "saturation":
            frames = _blend(frames, _gray(frames)[..., None], factor)
        else:
            checks.choice("name", name, STEPS, " of a step of color jitter")
    return frames


def _look_up(frames, table):
    # OpenCV looks up images of at most two axes.
    rows = frames.reshape(-1, *frames.shape[2:])
    return cv2.LUT(rows, table).reshape(frames.shape)


def _blend(values, plain, factor):
    plain = np.asarray(plain, dtype=np.float32)
    blended = values - plain
    blended *= np.float32(factor)
    blended += plain
    return np.clip(blended, 0, 255, out=blended).astype(np.uint8)


def _gray(frames):
    luma = (frames.astype(np.float32) @ _LUMA).astype(np.int32)
    return (luma + 0x8000) >> 16
