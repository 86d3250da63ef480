"""Snippets as pictures: what networks see, for people."""

import numpy as np

from keras_vidrec.flow import codec

# Flow in full color, in steps of the 8-bit code: where nothing moves noise
# stays pale.
_LEAST_FULL_COLOR = 4.0


def split(snippets, modality):
    """The images that are stacked in snippets `(segments, height, width,
    channels)`: `(segments, images, height, width, 3)`, of flow `(..., 2)`."""
    colors = 3 if modality.startswith("rgb") else 2
    images = snippets.reshape(*snippets.shape[:3], -1, colors)
    return np.moveaxis(images, 3, 1)


def differences(frames):
    """Differences of neighboring frames as pictures: of uint8 `(snippets,
    frames, height, width, 3)` one less a snippet, gray being none."""
    frames = frames.astype(np.int16)
    return ((frames[:, 1:] - frames[:, :-1] + 255) // 2).astype(np.uint8)


def middle_pictures(snippets, modality):
    """A picture of each snippet, uint8 R G B: of its image in the middle; flow
    in colors, of which the longest of all is full."""
    images = _middles(snippets, modality)
    return images if modality.startswith("rgb") else flow_pictures(images)


def are_still(snippets, modality):
    """Whether the pictures of `middle_pictures` show no motion at all: bool
    `(segments,)`, all `False` of frames."""
    if modality.startswith("rgb"):
        return np.zeros(len(snippets), bool)
    return ~_flow(_middles(snippets, modality)).any(axis=(1, 2, 3))


def full_color(flow, least=1.0):
    """How long motion is that is drawn in full color: the longest of a flow
    `(..., 2)`, in pixels or steps of the 8-bit code, and no less than `least`:
    where nothing moves noise stays pale."""
    lengths = np.hypot(flow[..., 0], flow[..., 1])
    return max(float(lengths.max(initial=0)), least)


def flow_pictures(codes):
    """Flow in the 8-bit code, `(..., 2)`, as R G B, the longest of all in full
    color."""
    flow = _flow(codes)
    return codec.to_picture(flow, full_color(flow, _LEAST_FULL_COLOR))


def _middles(snippets, modality):
    images = split(snippets, modality)
    return images[:, images.shape[1] // 2]


def _flow(codes):
    # The bound makes all of them longer by the same factor.
    flow = codec.decode(codes, 127.5)
    # 127 and 128 are both still: so short a flow has no direction.
    flow[np.abs(flow) < 1] = 0
    return flow
