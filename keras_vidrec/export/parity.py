"""Compares the outputs of an exported network with those of the original."""

import logging
import typing

import numpy as np
import tensorflow as tf

from keras_vidrec.export.samples import Samples

logger = logging.getLogger("keras_vidrec")

# Tolerance of probabilities if the network computes flow itself: compilers
# round differently, so a code of flow may differ by 1.
FLOW_TOLERANCE = 1e-2
_FLOW_SHARE = 0.998

_UNKNOWN_SIZE = 64  # pixels, for a network without a clip specification


class Check(typing.NamedTuple):
    """A comparison of an exported network with the trained one.

    Args:
        endpoint: str. Name of the signature.
        difference: float. The largest difference.
        on: str. Description of the clips that were used.
        what: str. The values that were compared. Defaults to
            `"probabilities"`.
    """

    endpoint: str
    difference: float
    on: str
    what: str = "probabilities"


def check(endpoint, run, tolerance, recipe=None, names=None):
    """Compares the reloaded network with the trained one, on a clip of the
    dataset of its recipe, or on generated clips if that cannot be read.

    Args:
        endpoint: `Endpoint` of the trained network.
        run: function from a dict of arrays by input to a dict of arrays by
            output: the reloaded network.
        tolerance: float. Largest difference of a probability; at least 1e-2 if
            the network computes flow itself.
        recipe: `None`, or the `Recipe` of the network. Defaults to `None`.
        names: `None`, or sequence of str: the classes that the reloaded
            network must name, if it names any. Defaults to `None`.

    Returns:
        `Check`.

    Raises:
        RuntimeError: if a probability differs by more than `tolerance`; if a
            logit differs by more than `10 * tolerance` times the largest
            absolute logit (or times 1, if that is larger); if fewer than
            99.8 % of the codes of flow are equal or differ by 1; or if the
            names of classes differ.
    """
    clips, on = clips_of(endpoint, recipe)
    # A graph with unknown sizes, as in the export, because eager execution
    # rounds differently.
    network = tf.function(
        lambda *flat: endpoint(*flat), autograph=False
    ).get_concrete_function(*endpoint.inputs)
    expected = network(*(tf.constant(clips[i.name]) for i in endpoint.inputs))
    found = run(clips)
    if names is not None:
        _check_names(found, names)
    if endpoint.makes_flow:
        tolerance = max(tolerance, FLOW_TOLERANCE)
        check_codes(found["flow"], expected["flow"])
    difference = check_probabilities(found, expected, tolerance)
    scores = np.subtract(found[endpoint.scores], expected[endpoint.scores])
    # Large logits may differ without any effect on probabilities.
    largest = np.abs(expected[endpoint.scores]).max(initial=1)
    if not np.abs(scores).max() <= 10 * tolerance * largest:
        raise RuntimeError(
            "The exported network differs from the trained one. Expected "
            f"{endpoint.scores} within {10 * tolerance * largest:.1e}. "
            f"Received: {np.abs(scores).max():.1e}"
        )
    return Check(endpoint.name, difference, on)


def clips_of(endpoint, recipe):
    """Returns the clips that an endpoint is compared on.

    Args:
        endpoint, recipe: see `check`.

    Returns:
        Tuple of a dict of arrays by input, and str, its description.
    """
    clips = _dataset_clips(endpoint, recipe)
    if clips is not None:
        return clips, "a clip of the dataset"
    return generated_clips(endpoint), "generated clips"


def check_probabilities(found, expected, tolerance):
    """Returns the largest difference of a probability: float.

    Args:
        found, expected: dicts with the array `probabilities` `(batch,
            classes)`.
        tolerance: float. Largest difference allowed.

    Raises:
        RuntimeError: if the difference is larger than `tolerance`.
    """
    difference = float(
        np.abs(found["probabilities"] - expected["probabilities"]).max()
    )
    if not difference <= tolerance:
        raise RuntimeError(
            "The exported network differs from the trained one. Expected "
            f"probabilities within {tolerance}. Received: {difference}"
        )
    return difference


def check_codes(found, expected):
    """Raises a `RuntimeError` unless 99.8 % of the 8-bit codes of flow, uint8
    arrays of the same shape, are equal or differ by 1."""
    steps = np.subtract(found, expected, dtype="int16")
    share = np.mean(np.abs(steps) <= 1)
    if not share >= _FLOW_SHARE:
        raise RuntimeError(
            "The exported network makes other flow than the trained one. "
            f"Expected {_FLOW_SHARE:.1%} of the codes equal or off by one. "
            f"Received: {share:.1%}"
        )


def _check_names(found, names):
    """Raises a `RuntimeError` if the reloaded network has other names of
    classes: compares all names if the output has them (`class_names`), else
    those of the best classes of each row (`classes`)."""
    if "class_names" in found:
        exported, expected = tuple(found["class_names"]), tuple(names)
    elif "classes" in found:
        rows = found["classes"]
        exported = tuple(name.decode() for name in rows.reshape(-1))
        best = np.argsort(-found["probabilities"], axis=-1, kind="stable")
        best = best[:, : rows.shape[-1]].reshape(-1)
        expected = tuple(names[i] for i in best)
    else:
        return
    if exported != expected:
        raise RuntimeError(
            f"The exported network has other classes. Expected {expected}. "
            f"Received: {exported}"
        )


def _dataset_clips(endpoint, recipe):
    """Returns a clip of a test video of the dataset, a dict of arrays by
    input; `None`, with a warning, if it cannot be read."""
    if recipe is None or endpoint.spec is None:
        return None
    try:
        clips, _ = next(iter(Samples(endpoint, recipe, "test", most=1)))
    # The dataset may have been moved, or have flow without frames.
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        logger.warning(
            "No clip of the dataset to compare the export on could be read. "
            "Generated clips are used instead: %s",
            reason,
        )
        return None
    if endpoint.makes_flow and endpoint.inputs[0].shape[1] is None:
        # One segment is enough: computing flow takes long.
        clips = {name: clip[:, :1] for name, clip in clips.items()}
    return clips


def generated_clips(endpoint):
    """Returns generated clips for an endpoint: moving waves for images, and
    normally distributed values for features.

    Returns:
        dict of arrays by input.
    """
    rng = np.random.default_rng(0)
    size = endpoint.spec.size if endpoint.spec else _UNKNOWN_SIZE
    # Fewer clips and segments if flow is computed, which takes long.
    unknown = (1, 1, size, size) if endpoint.makes_flow else (2, 3, size, size)
    clips = {}
    for tensor in endpoint.inputs:
        shape = [
            known or free for known, free in zip(tensor.shape[:-1], unknown)
        ]
        shape.append(tensor.shape[-1])
        if len(shape) < 5:
            features = rng.normal(size=shape)
            clips[tensor.name] = features.astype(tensor.dtype.as_numpy_dtype)
            continue
        y, x, channel = np.ogrid[: shape[-3], : shape[-2], : shape[-1]]
        time = channel // 3
        start = rng.uniform(0, 100, (*shape[:2], 1, 1, 1))
        waves = np.sin((x - 2 * time + start) / 3) + np.cos((y - time) / 4)
        noise = rng.uniform(-8, 8, shape)
        clips[tensor.name] = (120 + 50 * waves + noise).astype("uint8")
    return clips
