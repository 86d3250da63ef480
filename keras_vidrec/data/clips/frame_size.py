"""Resizing of frames to the size of a `FrameSpec`."""

import cv2
import numpy as np

from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos import video


def size_of(frame: FrameSpec, height: int, width: int) -> tuple[int, int]:
    """The size `(height, width)` to which the frames of a video are resized.

    Args:
        frame: `FrameSpec`.
        height, width: int. Original size of the frames in pixels.

    Raises:
        ValueError: if the frames are empty, or resized frames would have more
            than `video.MAX_PIXELS` pixels.
    """
    rows, columns = frame.of(height, width)
    if rows * columns > video.MAX_PIXELS:
        raise ValueError(
            f"Expected frames of at most {video.MAX_PIXELS} pixels when "
            f"resized to {frame.size}. Received: {height}x{width}, which "
            f"become {rows}x{columns} (height x width)"
        )
    return rows, columns


def resize(
    image: np.ndarray, size: tuple[int, int], interpolation: str = "area"
) -> np.ndarray:
    """Resizes an image.

    Args:
        image: uint8 array `(height, width)` or `(height, width, channels)`.
        size: pair of int `(height, width)`. An image of this size is returned
            unchanged.
        interpolation: str. The interpolation of a `FrameSpec`: `"area"`
            averages when an image becomes smaller and is bilinear when it
            becomes larger; any other value is bilinear. Defaults to `"area"`.

    Returns:
        uint8 array of that size, with the same number of channels.
    """
    rows, columns = size
    height, width = image.shape[:2]
    if (height, width) == (rows, columns):
        return image
    if interpolation == "area":
        smaller = min(height, rows), min(width, columns)
        if (height, width) != smaller:
            image = _resize(image, *smaller, cv2.INTER_AREA)
        if smaller == (rows, columns):
            return image
    return _resize(image, rows, columns, cv2.INTER_LINEAR)


def resize_images(images, frame, height, width):
    """Resizes images of a video according to a `FrameSpec`.

    Args:
        images: sequence of uint8 arrays `(height, width, channels)`; may be
            empty.
        frame: `FrameSpec`.
        height, width: int. Size of the images in pixels.

    Returns:
        uint8 array `(len(images), new height, new width, channels)`; `images`
        itself if the size does not change.

    Raises:
        ValueError: as `size_of`.
    """
    size = size_of(frame, height, width)
    if size == (height, width):
        return images
    resized = [resize(image, size, frame.interpolation) for image in images]
    if not resized:
        return np.empty((0, *size, *np.shape(images)[3:]), np.uint8)
    return np.stack(resized)


def _resize(
    image: np.ndarray, rows: int, columns: int, method: int
) -> np.ndarray:
    resized = cv2.resize(image, (columns, rows), interpolation=method)
    # OpenCV removes the axis of a single channel.
    return resized.reshape(rows, columns, *image.shape[2:])
