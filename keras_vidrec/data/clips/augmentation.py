"""Crops and flips of clips: one draw a clip, applied to all its frames.

Drawing needs the size of the frames and a random generator, applying needs the
frames: the same `Crop` serves all frames and all modalities of a clip. All
crops are integer rectangles of the stored frame, resized once. Colors are
changed by `data.clips.color_jitter`.
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
    width)`: 10 for 4 scales, 7 for 3.

    The sides are `int(min(height, width) * scale)`; a side within 2 pixels of
    `size`, that of the resized crop, becomes `size` where the frame has room
    for it. Height and width are combined if their places in `scales` differ by
    `max_distort` at most.

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
        size if abs(side - size) < 3 and size <= base else side
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


def multi_scale_crop(height, width, size, scales, rng, max_distort=1):
    """Draws a training crop of TSN: a size of `crop_sizes`, one of 13 places, a
    flip with probability 0.5.

    Raises:
        ValueError: on an empty frame or a scale outside (0, 1].
    """
    sizes = crop_sizes(height, width, size, scales, max_distort)
    rows, columns = sizes[rng.integers(len(sizes))]
    positions = fixed_positions(height, width, rows, columns)
    top, left = positions[rng.integers(len(positions))]
    return Crop(top, left, rows, columns, flip=_coin(rng))


def random_sized_crop(height, width, rng):
    """Draws a training crop of the Inception kind (TS-LSTM's base networks).

    The area is 0.08 to 1 of the frame, the ratio of width to height 3/4 to
    4/3 (uniform in its logarithm, so that neither side is favored), the place
    any. After ten rectangles that do not fit, the largest central one with a
    ratio in that range is taken. It is mirrored with probability 0.5.

    Raises:
        ValueError: on an empty frame.
    """
    _check_room(height, width, 1, 1)
    for _ in range(10):
        area = rng.uniform(0.08, 1.0) * height * width
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        rows = round(math.sqrt(area / ratio))
        columns = round(math.sqrt(area * ratio))
        if 0 < rows <= height and 0 < columns <= width:
            top = int(rng.integers(height - rows + 1))
            left = int(rng.integers(width - columns + 1))
            return Crop(top, left, rows, columns, flip=_coin(rng))
    rows = min(height, max(round(width * 4 / 3), 1))
    columns = min(width, max(round(height * 4 / 3), 1))
    return center_crop(height, width, rows, columns, flip=_coin(rng))


def corner_jitter_crop(height, width, size, rng):
    """Draws a training crop of two-stream fusion (and of the spatiotemporal
    multiplier): near the top left or the bottom right corner, never central.

    Height and width are drawn apart from 0.75 to 1.25 times `size`, so that
    the aspect ratio changes, and are no larger than the frame's. The place is
    at 0 to 0.25, or at 0.75 to 1, of the room left, in both directions, on
    grids of 20 x 20. It is mirrored with probability 0.5. As published: frames
    are expected whose shorter side is about 256 / 224 times `size`.

    Raises:
        ValueError: on an empty frame or a `size` below 1.
    """
    _check_room(height, width, 1, 1)
    _check_room(size, size, 1, 1)
    rows, columns = (
        max(round(min(size * factor, side)), 1)
        for factor, side in zip(rng.uniform(0.75, 1.25, 2), (height, width))
    )
    # Twenty places on a quarter of the room: steps of a 76th.
    down, right = rng.integers(20, size=2) + 57 * _coin(rng)
    return Crop(
        (height - rows) * int(down) // 76,
        (width - columns) * int(right) // 76,
        rows,
        columns,
        flip=_coin(rng),
    )


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
    top = (height - crop_height) // 2
    left = (width - crop_width) // 2
    return Crop(top, left, crop_height, crop_width, flip)


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


def resized_size(height, width, short_side):
    """`(height, width)` of a frame whose shorter side is made `short_side`, the
    longer one rounded to the nearest integer.

    For tests on whole frames: `apply(frames, Crop(0, 0, height, width),
    resized_size(height, width, short_side), modality)`.

    Raises:
        ValueError: on an empty frame or a `short_side` below 1.
    """
    _check_room(height, width, 1, 1)
    checks.count("short_side", short_side)
    base = min(height, width)
    return tuple(round(side * short_side / base) for side in (height, width))


def crop_side(height, width, size, short_side):
    """Side, in pixels of the stored frame, of a square test crop: from 1 to
    `min(height, width)`.

    "Resize the shorter side to `short_side`, then crop `size`" takes one crop
    and one resize: a square of `size * min(height, width) / short_side` pixels
    of the stored frame, rounded, is placed by `center_crop` or `ten_crops` and
    resized by `apply`. The crops lie where those of the resized frame would,
    within half a pixel; frames stored with that shorter side are not resized
    at all.

    Raises:
        ValueError: on an empty frame or a `size` outside 1 .. `short_side`.
    """
    _check_room(height, width, 1, 1)
    checks.number("size", size, 1, short_side, " of a test crop")
    return max(round(size * min(height, width) / short_side), 1)


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
