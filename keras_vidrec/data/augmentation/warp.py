"""Turned, sheared and moved pictures, and their flow."""

import cv2
import numpy as np

# Gray, and none of the motion of flow: the rim that comes into view stands
# still in all frames.
_RIM = 128
_STILL = 127.5


def about_center(linear, size, shift=(0.0, 0.0)):
    """The matrix `(2, 3)` that moves what is seen, x and y, by a linear map
    about the center of the picture, then by a shift in pixels."""
    linear = np.asarray(linear, np.float64)
    middle = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, middle - linear @ middle + shift])


def rotation(degrees, size):
    """`about_center` of a turn, clockwise as it is seen."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return about_center([[cos, -sin], [sin, cos]], size)


def frames(images, matrix):
    """Frames whose contents a matrix has moved; bilinear, gray where nothing
    was."""
    return _moved(images, matrix, (_RIM,) * 3)


def flow(images, matrix):
    """Flow of frames that a matrix has moved: its vectors lie elsewhere, and
    are turned and stretched by the linear part."""
    moved = _moved(images, matrix, (_RIM,) * 2)
    linear = matrix[:, :2]
    if np.array_equal(linear, np.eye(2)):
        return moved
    offset = _STILL - linear.sum(axis=1) * _STILL
    turn = np.column_stack([linear, offset])
    # OpenCV changes vectors of images of two axes; it rounds and clips.
    rows = moved.reshape(-1, *moved.shape[2:])
    return cv2.transform(rows, turn).reshape(moved.shape)


def _moved(images, matrix, rim):
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
