"""Whether imported weights give what they gave where they were trained."""

import importlib

import keras
from keras import ops

from keras_vidrec.weights.copying import layers_by_path
from keras_vidrec.weights.towers import towers
from keras_vidrec.weights.verification.images import random_images
from keras_vidrec.weights.verification.verification import Difference
from keras_vidrec.weights.verification.verification import Verification


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
        tolerance: float. Largest difference of two features, or logits, that
            arithmetic may make, as a part of the largest one. Defaults to
            `1e-4`.
        seed: int. Seed of the images. Defaults to `0`.

    Returns:
        `Verification`.

    Raises:
        ValueError: if the two differ by more than `tolerance`, the published
            network is not known, or the model is not one of one float32 tower
            for the same images.
        ImportError: if PyTorch is not installed.

    Example:

    >>> checkpoint = open_checkpoint("resnet50-11ad3fa6.pth")
    >>> model = keras_vidrec.applications.TSN(classes=1000, backbone="resnet50")
    >>> convert(checkpoint, model)
    >>> print(verify(checkpoint, model))
    """
    torch = _torch()
    # Not at the top: it needs PyTorch.
    from keras_vidrec.weights.verification.networks import PublishedNetwork

    tower = _tower(model)
    published = PublishedNetwork(checkpoint)
    _check_channels(published, tower, checkpoint)
    images, theirs = random_images(model, tower, published.differences, seed)
    with torch.inference_mode():
        expected = published.feature_map(
            torch.from_numpy(theirs.transpose(0, 3, 1, 2).copy())
        )
        expected_logits = published.logits(expected)
    # Accelerators may round what they multiply.
    with keras.device("cpu:0"):
        found = _feature_map(tower)(images, training=False)
        logits = _logits(model, ops.mean(found, (1, 2)), expected_logits)
    result = Verification(
        network=published.name,
        tower=tower.name,
        image_shape=images.shape,
        features=Difference.between(found, expected.permute(0, 2, 3, 1)),
        logits=None
        if logits is None
        else Difference.between(logits, expected_logits),
    )
    for what in ("features", "logits"):
        difference = getattr(result, what)
        # A NaN is no match.
        if difference and not difference.relative <= tolerance:
            otherwise = published.otherwise
            why = f". In this package {otherwise}" if otherwise else ""
            raise ValueError(
                f"Expected {what} as those of {published.name} with the "
                f"weights of {checkpoint.path}, up to {tolerance:g} of the "
                f"largest. Received: a difference of {difference}{why}"
            )
    return result


def _torch():
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            "Weights are verified with PyTorch. Expected it to be installed: "
            f"pip install keras-vidrec[torch]. Received: {error}"
        ) from error


def _tower(model):
    """The one tower of a network, or the bare tower itself."""
    found = tuple(towers(model).values()) or (model,)
    ranks = [len(tensor.shape) for tensor in found[0].inputs]
    if len(found) > 1 or ranks != [4]:
        raise ValueError(
            "Expected a network with one tower of images, or a bare tower; "
            "each stream is verified before they are joined. Received: "
            f"model={model.name!r} with towers of {tuple(towers(model))}"
        )
    narrow = {
        layer.compute_dtype
        for layer in found[0].layers
        if layer.compute_dtype != "float32"
    }
    if narrow:
        raise ValueError(
            "Expected a network that computes in float32, so that rounding "
            f"hides no difference. Received: tower {found[0].name!r} in "
            f"{sorted(narrow)}"
        )
    return found[0]


def _check_channels(published, tower, checkpoint):
    channels = tower.input.shape[-1]
    if published.channels != channels:
        raise ValueError(
            "Expected weights that were imported as they are: an inflated "
            "first convolution differs by intent. Received: a first kernel of "
            f"{published.channels} channels in {checkpoint.path} and tower "
            f"{tower.name!r} of {channels}"
        )


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
