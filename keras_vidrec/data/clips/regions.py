"""Regions of frames: what of a clip is shown.

A region is chosen by the size of the frames, and cut out of the frames: the
same one serves all frames and all modalities of a clip. All are integer
rectangles of the frame that a `FrameSpec` has resized. Those of training are
drawn by `data.augmentation.Crop`.
"""

import dataclasses

import cv2
import numpy as np

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks

# Crops of tests: 224 pixels of a frame whose shorter side has 256 (TSN).
TEST_SHARE = 224 / 256

# 255 - value is the value with all bits inverted: a pair x, y read as one
# 16-bit number has its x inverted by this mask, on any byte order.
_MIRROR_X = np.array([255, 0], dtype=np.uint8).view(np.uint16)


@dataclasses.dataclass(frozen=True)
class Region:
    """A rectangle of a frame in pixels; `flip`: its sides change places."""

    top: int
    left: int
    height: int
    width: int
    flip: bool = False


def same_region(crop, size, other_size):
    """The crop of another modality's frame that shows the same part of the
    picture, within half a pixel; sizes are pairs `(height, width)`."""
    top, height = _same_part(crop.top, crop.height, size[0], other_size[0])
    left, width = _same_part(crop.left, crop.width, size[1], other_size[1])
    return Region(top, left, height, width, crop.flip)


def center_crop(height, width, crop_height, crop_width, flip=False):
    """The crop in the middle of a frame.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    check_room(height, width, crop_height, crop_width)
    return Region(*_centered(height, width, crop_height, crop_width), flip)


def ten_crops(height, width, crop_height, crop_width):
    """The crops of the ten-crop test (TSN, section 4.1): top left, top right,
    bottom left, bottom right, center, then the same mirrored.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    check_room(height, width, crop_height, crop_width)
    crops = [
        Region(top, left, crop_height, crop_width)
        for top in (0, height - crop_height)
        for left in (0, width - crop_width)
    ]
    crops.append(center_crop(height, width, crop_height, crop_width))
    return crops + [dataclasses.replace(crop, flip=True) for crop in crops]


def crop_side(height, width):
    """Side, in pixels, of the square crops of a test, 224 / 256 of the shorter
    side of the frame (TSN, section 4.1): from 1 to `min(height, width)`.

    Raises:
        ValueError: on an empty frame.
    """
    check_room(height, width, 1, 1)
    return max(round(TEST_SHARE * min(height, width)), 1)


def check_room(height, width, crop_height, crop_width):
    """Raises a `ValueError` if a frame has no room for a crop."""
    if not (1 <= crop_height <= height and 1 <= crop_width <= width):
        raise ValueError(
            "Expected a crop of at least one pixel, no larger than the frame. "
            f"Received: crop {crop_height}x{crop_width}, "
            f"frame {height}x{width} (height x width)"
        )


def apply(frames, crop, size, modality):
    """Cuts a crop out of the frames of a clip, resizes and mirrors it.

    Bilinear without antialiasing, as in the authors' programs: a crop larger
    than `size` is sampled, not averaged. In the flows a mirrored x channel
    becomes 255 - value, so that still (128) becomes 127, as theirs; the
    length of the vectors is not changed by resizing.

    Args:
        frames: uint8 array `(num_frames, height, width, channels)`, any
            number of channels; for the flows x and y alternate.
        crop: `Region`.
        size: int, or pair of int `(height, width)`.
        modality: str. One of `clip_spec.MODALITIES`.

    Returns:
        uint8 array `(num_frames, size, size, channels)`, never a view of
        `frames`.

    Raises:
        ValueError: if the frames have another form, the crop leaves them, or
            the modality is unknown.
    """
    checks.choice("modality", modality, MODALITIES)
    is_flow = modality in ("flow", "warped_flow")
    _check_frames(frames, is_flow)
    num_frames, height, width, channels = frames.shape
    bottom, right = crop.top + crop.height, crop.left + crop.width
    check_room(height, width, crop.height, crop.width)
    if crop.top < 0 or crop.left < 0 or bottom > height or right > width:
        raise ValueError(
            "Expected a crop within the frames. "
            f"Received: crop={crop}, frames of shape {frames.shape}"
        )
    rows, columns = (size, size) if np.ndim(size) == 0 else size
    images = np.empty((num_frames, rows, columns, channels), np.uint8)
    cut = frames[:, crop.top : bottom, crop.left : right]
    for source, image in zip(cut, images):
        if source.shape == image.shape:
            np.copyto(image, source)
        else:
            shape = (columns, rows)
            cv2.resize(source, shape, image, interpolation=cv2.INTER_LINEAR)
    if crop.flip:
        mirror(images, is_flow)
    return images


def mirror(images, is_flow):
    """Mirrors images where they lie; as of `apply`."""
    for image in images:
        cv2.flip(image, 1, image)
    if is_flow:
        pairs = images.view(np.uint16)
        np.bitwise_xor(pairs, _MIRROR_X, out=pairs)
    return images


def _same_part(start, length, side, other_side):
    first = min(round(start * other_side / side), other_side - 1)
    end = round((start + length) * other_side / side)
    return first, max(end - first, 1)


def _centered(height, width, crop_height, crop_width):
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return top, left, crop_height, crop_width


def _check_frames(frames, is_flow):
    if (
        frames.ndim != 4
        or frames.dtype != np.uint8
        or (is_flow and frames.shape[-1] % 2)
    ):
        raise ValueError(
            "Expected uint8 frames of shape (num_frames, height, width, "
            "channels), the number of channels of flow even. "
            f"Received: {frames.dtype} of shape {frames.shape}"
        )
