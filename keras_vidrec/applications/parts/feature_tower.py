"""A network of one stream up to what its classifier sees: its features."""

import hashlib

import keras
import numpy as np

from keras_vidrec.applications.parts import head
from keras_vidrec.specs import checks

# The modalities that a stream of features can be made of.
STREAMS = {"rgb": ("rgb", "rgb_diff"), "flow": ("flow", "warped_flow")}


def features_of(network, stream):
    """The part of a network that makes features of single snippets: up to the
    pooled output of its tower, before dropout.

    Args:
        network: keras.Model of one modality that classifies single snippets,
            such as `TSN`.
        stream: str. `"rgb"` or `"flow"`.

    Returns:
        keras.Model from clips to features `(batch, num_segments, features)`,
        with the weights of the network.

    Raises:
        ValueError: if the stream is another one, or the network is none that
            makes its features.
    """
    checks.choice("stream", stream, tuple(STREAMS))
    spec = head.describe(network).clip_spec
    dropout = [x for x in network.layers if x.name == "dropout"]
    if (
        spec is None
        or spec.ordered
        or len(spec.modalities) != 1
        or spec.modalities[0] not in STREAMS[stream]
        or not dropout
        or len(dropout[0].input.shape) != 3
        or len(network.input.shape) != 5
    ):
        raise ValueError(
            f"Features of {stream} are made by a network of "
            f"{' or '.join(STREAMS[stream])} alone that classifies single "
            f"snippets, such as TSN. Received: {network.name!r}, which sees "
            f"{spec and spec.modalities}"
        )
    return keras.Model(network.input, dropout[0].input, name=network.name)


def fingerprint(model):
    """The fingerprint of a network: 12 hexadecimal digits, computed from its
    weights. Features are known by that of what `features_of` gives.
    """
    found = hashlib.sha256()
    for weights in model.get_weights():
        found.update(np.ascontiguousarray(weights).tobytes())
    return found.hexdigest()[:12]
