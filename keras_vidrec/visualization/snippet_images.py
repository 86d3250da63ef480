"""Converts snippets to pictures."""

import numpy as np

from keras_vidrec.flow import codec

# Smallest motion in full color, in steps of the 8-bit code, so that noise
# without motion is pale.
_LEAST_FULL_COLOR = 4.0


def split(snippets, modality):
    """Returns the images that are stacked in snippets `(segments, height,
    width, channels)`: array `(segments, images, height, width, 3)`, for flow
    `(..., 2)`."""
    colors = 3 if modality.startswith("rgb") else 2
    images = snippets.reshape(*snippets.shape[:3], -1, colors)
    return np.moveaxis(images, 3, 1)


def differences(frames):
    """Returns the differences of neighboring frames, uint8 `(snippets, frames,
    height, width, 3)`, as pictures `(snippets, frames - 1, height, width, 3)`;
    gray is no difference."""
    frames = frames.astype(np.int16)
    return ((frames[:, 1:] - frames[:, :-1] + 255) // 2).astype(np.uint8)


def middle_pictures(snippets, modality):
    """Returns a picture of the middle image of each snippet, uint8 R G B; flow
    in colors, with full color for the largest motion of all snippets."""
    images = _middles(snippets, modality)
    return images if modality.startswith("rgb") else flow_pictures(images)


def are_still(snippets, modality):
    """Returns whether the pictures of `middle_pictures` show no motion: bool
    array `(segments,)`, `False` for frames."""
    if modality.startswith("rgb"):
        return np.zeros(len(snippets), bool)
    return ~_flow(_middles(snippets, modality)).any(axis=(1, 2, 3))


def full_color(flow, least=1.0):
    """Returns the length of motion that is drawn in full color: the largest of
    a flow `(..., 2)`, in its unit (pixels or steps of the 8-bit code), but at
    least `least`, so that noise without motion is pale."""
    lengths = np.hypot(flow[..., 0], flow[..., 1])
    return max(float(lengths.max(initial=0)), least)


def flow_pictures(codes):
    """Returns flow in the 8-bit code, `(..., 2)`, as R G B pictures, with full
    color for the largest motion."""
    flow = _flow(codes)
    return codec.to_picture(flow, full_color(flow, _LEAST_FULL_COLOR))


def _middles(snippets, modality):
    images = split(snippets, modality)
    return images[:, images.shape[1] // 2]


def _flow(codes):
    # In steps of the code: colors do not depend on the bound.
    flow = codec.decode(codes, 127.5)
    # Both 127 and 128 are no motion.
    flow[np.abs(flow) < 1] = 0
    return flow
