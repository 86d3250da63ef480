"""Regions of frames: the crops of clips.

A region is an integer rectangle of the frames that a `FrameSpec` has resized.
It is chosen once for a clip, and cut out of all frames of all modalities. The
regions of training clips are drawn by `data.augmentation.Crop`.
"""

import dataclasses

import cv2
import numpy as np

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks

# Crops of tests: 224 pixels of a frame whose shorter side has 256 (TSN).
TEST_SHARE = 224 / 256

# 255 - value inverts all bits of a value. If a pair x, y is read as one 16-bit
# number, this mask inverts x, in any byte order.
_MIRROR_X = np.array([255, 0], dtype=np.uint8).view(np.uint16)


@dataclasses.dataclass(frozen=True)
class Region:
    """A rectangle of a frame in pixels.

    Args:
        top, left: int. Position of the upper left corner.
        height, width: int.
        flip: bool. Whether it is mirrored horizontally. Defaults to `False`.
    """

    top: int
    left: int
    height: int
    width: int
    flip: bool = False


def same_region(crop: Region, size, other_size) -> Region:
    """Returns the `Region` in frames of another size that shows the same part
    of the picture, within half a pixel.

    Args:
        crop: `Region` in frames of the size `size`.
        size, other_size: pairs of int `(height, width)`.
    """
    top, height = _same_part(crop.top, crop.height, size[0], other_size[0])
    left, width = _same_part(crop.left, crop.width, size[1], other_size[1])
    return Region(top, left, height, width, crop.flip)


def center_crop(
    height: int,
    width: int,
    crop_height: int,
    crop_width: int,
    flip: bool = False,
) -> Region:
    """The crop in the middle of a frame.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    check_room(height, width, crop_height, crop_width)
    return Region(*_centered(height, width, crop_height, crop_width), flip)


def ten_crops(height, width, crop_height, crop_width):
    """The crops of the ten-crop test (TSN, section 3.3), a list of `Region`:
    top left, top right, bottom left, bottom right, center, then the same
    mirrored.

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


def crop_side(height: int, width: int) -> int:
    """The side of the square crops of a test in pixels: 224 / 256 of the
    shorter side of the frame (TSN, section 3.3), at least 1.

    Raises:
        ValueError: on an empty frame.
    """
    check_room(height, width, 1, 1)
    return max(round(TEST_SHARE * min(height, width)), 1)


def check_room(
    height: int, width: int, crop_height: int, crop_width: int
) -> None:
    """Raises a `ValueError` if a crop is larger than a frame, or empty."""
    if not (1 <= crop_height <= height and 1 <= crop_width <= width):
        raise ValueError(
            "Expected a crop of at least one pixel, no larger than the frame. "
            f"Received: crop {crop_height}x{crop_width}, "
            f"frame {height}x{width} (height x width)"
        )


def apply(frames, crop, size, modality):
    """Cuts a crop out of the frames of a clip, resizes and mirrors it.

    Resizing is bilinear without antialiasing, as in the authors' programs: a
    crop larger than `size` is sampled, not averaged. In mirrored flow the x
    channel becomes 255 - value, so that no motion (128) becomes 127, also as in
    their programs. Resizing does not change the length of flow vectors.

    Args:
        frames: uint8 array `(num_frames, height, width, channels)`, with any
            number of channels; those of flow alternate between x and y.
        crop: `Region`.
        size: int, or pair of int `(height, width)`.
        modality: str. One of `clip_spec.MODALITIES`.

    Returns:
        uint8 array `(num_frames, size, size, channels)`, never a view of
        `frames`.

    Raises:
        ValueError: if the frames have another shape or dtype, the crop is not
            within them, or the modality is unknown.
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


def mirror(images: np.ndarray, is_flow: bool) -> np.ndarray:
    """Mirrors images in place, as `apply` does, and returns them.

    Args:
        images: uint8 array `(num_frames, height, width, channels)`.
        is_flow: bool. Whether channels alternate between x and y of flow.
    """
    for image in images:
        cv2.flip(image, 1, image)
    if is_flow:
        pairs = images.view(np.uint16)
        np.bitwise_xor(pairs, _MIRROR_X, out=pairs)
    return images


def _same_part(
    start: int, length: int, side: int, other_side: int
) -> tuple[int, int]:
    """The start and length of the same part of a side of another length."""
    first = min(round(start * other_side / side), other_side - 1)
    end = round((start + length) * other_side / side)
    return first, max(end - first, 1)


def _centered(
    height: int, width: int, crop_height: int, crop_width: int
) -> tuple[int, int, int, int]:
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return top, left, crop_height, crop_width


def _check_frames(frames: np.ndarray, is_flow: bool) -> None:
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
