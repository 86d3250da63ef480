"""A scene that moves as a whole, its motion known, and the motion that is seen
in its frames."""

import cv2
import numpy as np

from keras_vidrec.flow import codec
from keras_vidrec.flow import opencv

SIZE = 96
BOUND = 8.0


def scene(motion, num_frames=3, seed=0):
    """Frames of a scene that moves by `motion`, x and y in pixels a frame, and
    their flow as it is stored: uint8 `(num_frames, SIZE, SIZE, 3)` and
    `(num_frames - 1, SIZE, SIZE, 2)`."""
    rng = np.random.default_rng(seed)
    picture = rng.normal(size=(SIZE + 60, SIZE + 60, 3))
    picture = cv2.GaussianBlur(picture, (0, 0), 2)
    low, high = picture.min(), picture.max()
    picture = (255 * (picture - low) / (high - low)).astype(np.uint8)
    x, y = motion
    frames = [
        picture[30 - y * t :, 30 - x * t :][:SIZE, :SIZE]
        for t in range(num_frames)
    ]
    vectors = np.tile(np.float32(motion), (num_frames - 1, SIZE, SIZE, 1))
    return np.stack(frames), codec.encode(vectors, BOUND)


def seen_motion(frames):
    """The flow from each frame to the next, float32, pixels."""
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return np.stack(
        [opencv.dis_flow(*pair) for pair in zip(grays[:-1], grays[1:])]
    )


def shrunk(shown, by=10):
    """The inside of a mask, away from its edges: flow there knows both sides
    of them."""
    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    padded = cv2.copyMakeBorder(
        shown.astype(np.uint8), by, by, by, by, cv2.BORDER_CONSTANT, value=0
    )
    return cv2.erode(padded, kernel)[by:-by, by:-by].astype(bool)


def errors(frames, flow, shown):
    """By how many pixels flow differs from the motion that is seen, where a
    mask says so."""
    apart = codec.decode(flow, BOUND) - seen_motion(frames)
    return np.hypot(*np.moveaxis(apart, -1, 0))[:, shown]
