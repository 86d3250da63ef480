"""Images for two networks that are to give the same."""

import numpy as np
from keras import ops

from keras_vidrec.weights.pixels import makes_differences
from keras_vidrec.weights.pixels import pixel_layers

_BATCH = 2
_SIZE = 224
_COLORS = 3


def random_images(model, tower, differences, seed):
    """Random images as a tower takes them and as the published network does.

    Args:
        model: keras.Model around the tower, which scales raw pixels.
        tower: keras.Model of images.
        differences: as `networks.Network` has it.
        seed: int.

    Returns:
        Pair of float32 arrays `(batch, height, width, channels)`: the same
        images, except that a tower of differences of frames takes raw ones,
        which its first kernel scales.

    Raises:
        ValueError: if the model makes differences and `differences` is
            `None`.
    """
    *sizes, channels = tower.input.shape[1:]
    sizes = [size or _SIZE for size in sizes]
    frames = channels + _COLORS * makes_differences(model)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (_BATCH, *sizes, frames), "uint8")
    if makes_differences(model):
        return _frame_differences(pixels, differences)
    scale = next(iter(pixel_layers(model).values()), None)
    if scale is None:
        # Any others would do: both networks get them.
        images = (pixels / np.float32(127.5)) - 1
    else:
        images = ops.convert_to_numpy(scale(pixels))
    return images, images


def _frame_differences(pixels, differences):
    if differences is None:
        raise ValueError(
            "Expected weights of a published network of differences of "
            "frames. Received: those of a network that nobody published for "
            "them"
        )
    order, divisor = differences
    frames = pixels.astype("float32")
    images = frames[..., _COLORS:] - frames[..., :-_COLORS]
    scaled = images / np.float32(divisor)
    if order == "bgr":
        colors = scaled.reshape(*scaled.shape[:-1], -1, _COLORS)
        scaled = colors[..., ::-1].reshape(scaled.shape)
    return images, scaled
