"""Whether imported weights give what they gave where they were trained."""

import typing

import keras
import numpy as np
from keras import ops

from keras_vidrec.weights.pixels import makes_differences
from keras_vidrec.weights.pixels import pixel_layers
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import towers
from tests.weights.references.imports import torch
from tests.weights.references.networks import PublishedNetwork

_BATCH = 2
_SIZE = 224
_COLORS = 3


class Verification(typing.NamedTuple):
    """How far apart two networks are.

    Attributes:
        network: str. The published network that was run in PyTorch.
        image_shape: tuple `(batch, height, width, channels)` of the images
            that both saw.
        features: float. The largest difference of their last feature maps, as
            a part of the largest number there.
        logits: the same of class scores; or `None` if the network or the
            checkpoint has no classifier, or one of another size.
    """

    network: str
    image_shape: tuple
    features: float
    logits: float | None


def verify(checkpoint, model, *, tolerance=1e-4, seed=0):
    """Compares a network with the published one whose weights it got.

    The published network is run in PyTorch, straight on the tensors of the
    checkpoint and by a description of its own: neither the names nor the
    layers of this package take part. Both see the same random images, scaled
    as the model scales its pixels.

    Args:
        checkpoint: `Checkpoint`.
        model: keras.Model with one tower, or a bare tower, that got the
            checkpoint's weights as they are, not inflated.
        tolerance: float. What arithmetic may make. Defaults to `1e-4`.
        seed: int. Seed of the images. Defaults to `0`.

    Returns:
        `Verification`.

    Raises:
        ValueError: if the two differ by more than `tolerance`, or the
            published network is not known.
    """
    (tower,) = tuple(towers(model).values()) or (model,)
    published = PublishedNetwork(checkpoint)
    images, theirs = random_images(model, tower, published.differences, seed)
    with torch.inference_mode():
        theirs = torch.from_numpy(theirs.transpose(0, 3, 1, 2).copy())
        expected = published.feature_map(theirs.to(torch.get_default_dtype()))
        expected_logits = published.logits(expected)
    # Accelerators may round what they multiply.
    with keras.device("cpu:0"):
        found = _feature_map(tower)(images, training=False)
        logits = _logits(model, ops.mean(found, (1, 2)), expected_logits)
    result = Verification(
        network=published.name,
        image_shape=images.shape,
        features=difference(found, expected.permute(0, 2, 3, 1)),
        logits=None if logits is None else difference(logits, expected_logits),
    )
    for what in (result.features, result.logits):
        # A NaN is no match.
        if what is not None and not what <= tolerance:
            raise ValueError(
                f"Expected what {published.name} gives. Received: a "
                f"difference of {what}. In this package {published.otherwise}"
            )
    return result


def difference(found, expected):
    """The largest difference of a tensor of Keras and one of PyTorch, of one
    shape, divided by the largest number."""
    found, expected = ops.convert_to_numpy(found), expected.numpy()
    assert found.shape == expected.shape
    largest = np.abs(expected).max()
    # Zeros everywhere prove nothing.
    return np.abs(found - expected).max() / largest if largest else np.inf


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
    """
    *sizes, channels = tower.input.shape[1:]
    sizes = [size or _SIZE for size in sizes]
    frames = channels + _COLORS * makes_differences(model)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (_BATCH, *sizes, frames), "uint8")
    if makes_differences(model):
        return _frame_differences(pixels.astype("float32"), *differences)
    scale = next(iter(pixel_layers(model).values()), None)
    if scale is None:
        # Any others would do: both networks get them.
        images = (pixels / np.float32(127.5)) - 1
    else:
        images = ops.convert_to_numpy(scale(pixels))
    return images, images


def _frame_differences(frames, order, divisor):
    images = frames[..., _COLORS:] - frames[..., :-_COLORS]
    scaled = images / np.float32(divisor)
    if order == "bgr":
        colors = scaled.reshape(*scaled.shape[:-1], -1, _COLORS)
        scaled = colors[..., ::-1].reshape(scaled.shape)
    return images, scaled


def _feature_map(tower):
    """The tower without the pooling at its end, which would hide that maps
    are shifted."""
    last = tower.layers[-1]
    pooled = last.name == "features" and len(tower.output.shape) == 2
    return keras.Model(tower.input, last.input if pooled else tower.output)


def _logits(model, features, expected):
    """Class scores of a network; `None` without a classifier of as many
    classes as the expected ones have."""
    layer = layers_by_path(model).get("logits")
    if expected is None or layer is None:
        return None
    kernel_shape = (features.shape[-1], expected.shape[-1])
    return layer(features) if layer.kernel.shape == kernel_shape else None
