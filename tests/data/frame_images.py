"""Folders of numbered images whose pixels tell which image was read."""

import cv2
import numpy as np

HEIGHT, WIDTH = 24, 32


def rgb_pixel(video, t):
    """R, G, B of frame `t` of a video."""
    return 200, 8 * video, 4 * t


def flow_pixel(video, t):
    """x, y of flow image `t` of a video."""
    return 60 + t, 200 - 2 * video


def write_frames(folder, count, *, video=0, template="img_{:05d}.jpg", first=1):
    """Writes rgb images of one color each."""
    for t in range(count):
        write(folder / template.format(first + t), rgb_pixel(video, t)[::-1])


def write_flow(
    folder,
    count,
    *,
    video=0,
    templates=("flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg"),
    first=1,
    channels=1,
):
    """Writes x and y images of one gray each."""
    for t in range(count):
        for template, value in zip(templates, flow_pixel(video, t)):
            write(folder / template.format(first + t), [value] * channels)


def write(path, pixel):
    """Writes an image of one color, B G R or gray."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.empty((HEIGHT, WIDTH, len(pixel)), np.uint8)
    image[:] = pixel
    is_png = path.suffix == ".png"
    options = [] if is_png else [cv2.IMWRITE_JPEG_QUALITY, 100]
    assert cv2.imwrite(str(path), image, options)
