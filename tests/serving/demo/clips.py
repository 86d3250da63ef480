"""Videos for the page."""

import numpy as np

from keras_vidrec.videos.video_writer import VideoWriter

RATE = 10


def write_mp4(path, seconds=2.0, size=(48, 64)):
    """A video of H.264 that grows brighter: red, then blue."""
    count = round(seconds * RATE)
    with VideoWriter(path) as writer:
        for number in range(count):
            frame = np.zeros((*size, 3), np.uint8)
            channel = 0 if number < count / 2 else 2
            frame[..., channel] = 100 + 100 * number // count
            writer.write(frame, number / RATE)
    return path
