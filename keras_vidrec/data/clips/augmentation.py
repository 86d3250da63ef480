"""Crops and flips of clips: one draw a clip, applied to all its frames.

Drawing needs the size of the frames and a random generator, applying needs the
frames: the same `Crop` serves all frames and all modalities of a clip. All
crops are integer rectangles of the frame that a `FrameSpec` has resized. Colors
are changed by `data.clips.color_jitter`.
"""

import dataclasses
import math

import cv2
import numpy as np

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks

# In quarters of the room (rows, columns) that a crop leaves in the frame: the
# corners and the center, then the eight positions between them, in the order
# of the TSN authors' programs.
_POSITIONS = (
    (0, 0),
    (0, 4),
    (4, 0),
    (4, 4),
    (2, 2),
    (2, 0),
    (2, 4),
    (4, 2),
    (0, 2),
    (1, 1),
    (1, 3),
    (3, 1),
    (3, 3),
)

# Crops of tests: 224 pixels of a frame whose shorter side has 256 (TSN).
TEST_SHARE = 224 / 256

# 255 - value is the value with all bits inverted: a pair x, y read as one
# 16-bit number has its x inverted by this mask, on any byte order.
_MIRROR_X = np.array([255, 0], dtype=np.uint8).view(np.uint16)


@dataclasses.dataclass(frozen=True)
class Crop:
    """A rectangle of a frame in pixels; `flip`: its sides change places."""

    top: int
    left: int
    height: int
    width: int
    flip: bool = False


def crop_sizes(height, width, size, scales, max_distort=1):
    """Sizes of the multi-scale crops of a frame (TSN, section 3.2), `(height,
    width)`: 10 for 4 scales, 7 for 3; 16 for 4 with `max_distort=3`.

    The sides are `int(min(height, width) * scale)`; a side so near to `size`,
    that of the resized crop, as 2 pixels are in a frame of 256 becomes `size`
    where the frame has room for it (TSN's programs: it is not resized). Height
    and width are combined if their places in `scales` differ by `max_distort`
    at most.

    Raises:
        ValueError: on an empty frame or a scale outside (0, 1].
    """
    base = min(height, width)
    if base < 1 or not scales or not all(0 < scale <= 1 for scale in scales):
        raise ValueError(
            "Invalid multi-scale crops. Expected a frame of at least one pixel "
            "and scales in (0, 1]. "
            f"Received: height={height}, width={width}, scales={scales}"
        )
    sides = [max(int(base * scale), 1) for scale in scales]
    sides = [
        size if 256 * abs(side - size) < 3 * base and size <= base else side
        for side in sides
    ]
    return [
        (rows, columns)
        for i, rows in enumerate(sides)
        for j, columns in enumerate(sides)
        if abs(i - j) <= max_distort
    ]


def fixed_positions(height, width, crop_height, crop_width):
    """The 13 places `(top, left)` of a crop in a frame (TSN, section 3.2,
    corner cropping).

    Corners, center, middles of the sides and of the quadrants, on a grid of
    `(height - crop_height) // 4` rows and `(width - crop_width) // 4` columns.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    _check_room(height, width, crop_height, crop_width)
    row_step = (height - crop_height) // 4
    column_step = (width - crop_width) // 4
    return [(i * row_step, j * column_step) for i, j in _POSITIONS]


def draw_crop(crop, height, width, size, rng):
    """Draws a training crop of a frame; it is mirrored with probability 0.5.

    Args:
        crop: `CropSpec`, of a `ClipSpec`.
        height, width: int. Of the resized frame.
        size: int. Side that the crop is resized to.
        rng: `np.random.Generator`.

    Returns:
        `Crop`.

    Raises:
        ValueError: on an empty frame.
    """
    _check_room(height, width, 1, 1)
    drawn = _DRAWN[crop.policy](crop, height, width, size, rng)
    return Crop(*drawn, flip=_coin(rng))


def _multi_scale(crop, height, width, size, rng):
    """A size of `crop_sizes`, at one of the fixed places."""
    sizes = crop_sizes(height, width, size, crop.scales, crop.max_distort)
    rows, columns = sizes[rng.integers(len(sizes))]
    places = fixed_positions(height, width, rows, columns)[: crop.places]
    top, left = places[rng.integers(len(places))]
    return top, left, rows, columns


def _inception(crop, height, width, _size, rng):
    """Area and ratio drawn, the latter uniform in its logarithm, so that
    neither side is favored, at any place. After ten rectangles that do not fit,
    the largest central one with a ratio in that range."""
    low, high = crop.ratio
    for _ in range(10):
        area = rng.uniform(*crop.area) * height * width
        ratio = math.exp(rng.uniform(math.log(low), math.log(high)))
        rows = round(math.sqrt(area / ratio))
        columns = round(math.sqrt(area * ratio))
        if 0 < rows <= height and 0 < columns <= width:
            top = int(rng.integers(height - rows + 1))
            left = int(rng.integers(width - columns + 1))
            return top, left, rows, columns
    rows = min(height, max(round(width / low), 1))
    columns = min(width, max(round(height * high), 1))
    return _centered(height, width, rows, columns)


def _jitter(crop, height, width, _size, rng):
    """Near the top left or the bottom right corner, never central: on 20 x 20
    places of a share of the room left. Sides are drawn apart, so that the
    aspect changes."""
    base = min(height, width)
    rows, columns = (
        max(round(min(base * factor, side)), 1)
        for factor, side in zip(rng.uniform(*crop.sides, 2), (height, width))
    )
    places = rng.integers(20, size=2) / 19 * crop.border
    if _coin(rng):
        places += 1 - crop.border
    rooms = np.array([height - rows, width - columns])
    # A tiny bit more: exact places stay whole numbers.
    top, left = np.floor(rooms * places + 1e-9).astype(int).tolist()
    return top, left, rows, columns


def _center(_crop, height, width, _size, _rng):
    side = min(height, width)
    return _centered(height, width, side, side)


_DRAWN = {
    "tsn": _multi_scale,
    "multi_scale_regular": _multi_scale,
    "jitter25": _jitter,
    "inception": _inception,
    "center": _center,
}


def same_region(crop, size, other_size):
    """The crop of another modality's frame that shows the same part of the
    picture, within half a pixel; sizes are pairs `(height, width)`."""
    top, height = _same_part(crop.top, crop.height, size[0], other_size[0])
    left, width = _same_part(crop.left, crop.width, size[1], other_size[1])
    return Crop(top, left, height, width, crop.flip)


def center_crop(height, width, crop_height, crop_width, flip=False):
    """The crop in the middle of a frame.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    _check_room(height, width, crop_height, crop_width)
    return Crop(*_centered(height, width, crop_height, crop_width), flip)


def ten_crops(height, width, crop_height, crop_width):
    """The crops of the ten-crop test (TSN, section 4.1): top left, top right,
    bottom left, bottom right, center, then the same mirrored.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    _check_room(height, width, crop_height, crop_width)
    crops = [
        Crop(top, left, crop_height, crop_width)
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
    _check_room(height, width, 1, 1)
    return max(round(TEST_SHARE * min(height, width)), 1)


def apply(frames, crop, size, modality):
    """Cuts a crop out of the frames of a clip, resizes and mirrors it.

    Bilinear without antialiasing, as in the authors' programs: a crop larger
    than `size` is sampled, not averaged. In the flows a mirrored x channel
    becomes 255 - value, so that still (128) becomes 127, as theirs; the
    length of the vectors is not changed by resizing.

    Args:
        frames: uint8 array `(num_frames, height, width, channels)`, any
            number of channels; for the flows x and y alternate.
        crop: `Crop`.
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
    _check_room(height, width, crop.height, crop.width)
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
            cv2.flip(image, 1, image)
    if crop.flip and is_flow:
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


def _coin(rng):
    return bool(rng.integers(2))


def _check_room(height, width, crop_height, crop_width):
    if not (1 <= crop_height <= height and 1 <= crop_width <= width):
        raise ValueError(
            "Expected a crop of at least one pixel, no larger than the frame. "
            f"Received: crop {crop_height}x{crop_width}, "
            f"frame {height}x{width} (height x width)"
        )


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
