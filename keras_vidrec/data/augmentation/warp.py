"""Affine maps of frames and of their flow: rotation, shear, translation."""

import cv2
import numpy as np

# The value of pixels without a source: gray in frames, no motion in flow.
_RIM = 128
_STILL = 127.5


def about_center(linear, size, shift=(0.0, 0.0)) -> np.ndarray:
    """The affine matrix `(2, 3)` that maps x, y by a linear map about the
    center of the picture, then by a shift.

    Args:
        linear: array `(2, 2)`.
        size: int. Height and width of the picture in pixels.
        shift: pair of float. Pixels in x and y. Defaults to none.
    """
    linear = np.asarray(linear, np.float64)
    middle = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, middle - linear @ middle + shift])


def rotation(degrees: float, size: int) -> np.ndarray:
    """The matrix `(2, 3)` of a clockwise rotation about the center."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return about_center([[cos, -sin], [sin, cos]], size)


def frames(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Returns frames `(num_frames, height, width, 3)` mapped by a matrix
    `(2, 3)`, with bilinear interpolation; gray where there was no pixel."""
    return _moved(images, matrix, (_RIM,) * 3)


def flow(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Returns the flow `(num_frames, height, width, 2)` of frames mapped by a
    matrix: vectors are moved, and multiplied by its linear part."""
    moved = _moved(images, matrix, (_RIM,) * 2)
    linear = matrix[:, :2]
    if np.array_equal(linear, np.eye(2)):
        return moved
    offset = _STILL - linear.sum(axis=1) * _STILL
    turn = np.column_stack([linear, offset])
    # cv2.transform takes images of two axes; it rounds and clips.
    rows = moved.reshape(-1, *moved.shape[2:])
    return cv2.transform(rows, turn).reshape(moved.shape)


def _moved(images: np.ndarray, matrix: np.ndarray, rim) -> np.ndarray:
    _, height, width, _ = images.shape
    moved = np.empty_like(images)
    for image, out in zip(images, moved):
        cv2.warpAffine(
            image,
            matrix,
            (width, height),
            dst=out,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=rim,
        )
    return moved
