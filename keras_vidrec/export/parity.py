"""Whether an exported network gives what the trained one gives."""

import logging
import typing

import numpy as np
import tensorflow as tf

from keras_vidrec.export.samples import Samples

logger = logging.getLogger("keras_vidrec")

# Flow made inside: compilers round otherwise, a code may be a step off.
FLOW_TOLERANCE = 1e-2
_FLOW_SHARE = 0.998

_UNKNOWN_SIZE = 64  # pixels, of a network that does not say what it sees


class Check(typing.NamedTuple):
    """A comparison of an exported network with the trained one.

    Args:
        endpoint: str. Its name.
        difference: float. The largest of a probability, or of `what`.
        on: str. What it was compared on.
        what: str. Defaults to `"probabilities"`.
    """

    endpoint: str
    difference: float
    on: str
    what: str = "probabilities"


def check(endpoint, run, tolerance, recipe=None, names=None):
    """Compares the reloaded network with the trained one, on clips of the
    dataset of its recipe, or on generated ones if there is none.

    Args:
        endpoint: `Endpoint` of the trained network.
        run: function from a dict of arrays by input to a dict of arrays by
            output: the reloaded network.
        tolerance: float. Largest difference of a probability; with flow made
            inside 1e-2, if that is more.
        recipe: `None`, or the `Recipe` of the network. Defaults to `None`.
        names: `None`, or sequence of str: the classes that the reloaded
            network must name, if it names any. Defaults to `None`.

    Returns:
        `Check`.

    Raises:
        RuntimeError: if there is a larger one; or logits differ by over ten
            times the tolerance, of the largest one; or codes of flow differ:
            99.8 % must be equal or off by one. Or if it has other classes.
    """
    clips, on = clips_of(endpoint, recipe)
    # In graph form, with unknown sizes, as it was exported: another compiler
    # rounds otherwise.
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
    # Of logits: they may be large, and make no probability differ.
    largest = np.abs(expected[endpoint.scores]).max(initial=1)
    if not np.abs(scores).max() <= 10 * tolerance * largest:
        raise RuntimeError(
            "The exported network differs from the trained one. Expected "
            f"{endpoint.scores} within {10 * tolerance * largest:.1e}. "
            f"Received: {np.abs(scores).max():.1e}"
        )
    return Check(endpoint.name, difference, on)


def clips_of(endpoint, recipe):
    """What an endpoint is compared on, dict of arrays by input; and what that
    is, in words. Arguments are those of `check`."""
    clips = _dataset_clips(endpoint, recipe)
    if clips is not None:
        return clips, "a clip of the dataset"
    return generated_clips(endpoint), "generated clips"


def check_probabilities(found, expected, tolerance):
    """The largest difference of a probability, float.

    Raises:
        RuntimeError: if it is larger than the tolerance.
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
    """Raises a `RuntimeError` unless nearly all codes of flow are equal or off
    by one."""
    steps = np.subtract(found, expected, dtype="int16")
    share = np.mean(np.abs(steps) <= 1)
    if not share >= _FLOW_SHARE:
        raise RuntimeError(
            "The exported network makes other flow than the trained one. "
            f"Expected {_FLOW_SHARE:.1%} of the codes equal or off by one. "
            f"Received: {share:.1%}"
        )


def _check_names(found, names):
    """All names, or those of the best classes of each row."""
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
    """A video of the dataset as the endpoint takes it, or `None`."""
    if recipe is None or endpoint.spec is None:
        return None
    try:
        clips, _ = next(iter(Samples(endpoint, recipe, "test", most=1)))
    # The dataset may have been moved, or hold flow without frames.
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        logger.warning(
            "No clip of the dataset to compare the export on, generated "
            "ones are taken: %s",
            reason,
        )
        return None
    if endpoint.makes_flow and endpoint.inputs[0].shape[1] is None:
        # Flow takes long: one segment.
        clips = {name: clip[:, :1] for name, clip in clips.items()}
    return clips


def generated_clips(endpoint):
    """Clips of drifting waves, or of normal features, of an endpoint whose
    videos are not at hand: dict of arrays by input."""
    rng = np.random.default_rng(0)
    size = endpoint.spec.size if endpoint.spec else _UNKNOWN_SIZE
    # Flow takes long.
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
