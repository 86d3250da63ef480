"""Small videos whose frames bear their own number."""

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 128
_BITS = 8


def frame(number):
    """An R G B frame: the binary digits of `number` as black and white bars,
    lowest digit left; below it a red band."""
    digits = (number >> np.arange(_BITS)) & 1
    bars = np.repeat(digits * 255, WIDTH // _BITS).astype(np.uint8)
    image = np.tile(bars[None, :, None], (HEIGHT, 1, 3))
    image[HEIGHT // 2 :] = (255, 0, 0)
    return image


def number(frame):
    """The number that a decoded frame bears."""
    height, width, _ = frame.shape
    bars = frame[: height * 3 // 8].reshape(-1, _BITS, width // _BITS, 3)
    digits = bars.mean((0, 2, 3)) > 127
    return int((digits << np.arange(_BITS)).sum())


def write(path, num_frames, codec="mp4v", rate=25):
    """Writes such a video of `rate` frames a second with OpenCV; in `"mp4v"`,
    every 12th frame is a key frame."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*codec), rate, (WIDTH, HEIGHT)
    )
    assert writer.isOpened()
    for index in range(num_frames):
        writer.write(np.ascontiguousarray(frame(index)[..., ::-1]))
    writer.release()
    return path
