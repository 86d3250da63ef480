"""The part of a network of one stream that computes features."""

import hashlib

import keras
import numpy as np

from keras_vidrec.applications.parts import head
from keras_vidrec.specs import checks

# The modalities from which the features of a stream can be computed.
STREAMS = {"rgb": ("rgb", "rgb_diff"), "flow": ("flow", "warped_flow")}


def features_of(network, stream):
    """Returns the part of a network that computes the features of single
    snippets: up to the pooled output of its tower, before dropout.

    Args:
        network: keras.Model of one modality that classifies single snippets,
            such as `TSN`.
        stream: str. `"rgb"` or `"flow"`.

    Returns:
        keras.Model from clips to features `(batch, num_segments, features)`,
        with the weights of the network.

    Raises:
        ValueError: if the stream is unknown, or the network cannot compute its
            features.
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
            f"Features of {stream} are computed by a network that takes only "
            f"{' or '.join(STREAMS[stream])} and classifies single snippets, "
            f"such as TSN. Received: {network.name!r}, which takes "
            f"{spec and spec.modalities}"
        )
    return keras.Model(network.input, dropout[0].input, name=network.name)


def fingerprint(model):
    """Returns the fingerprint of a network: 12 hexadecimal digits, computed
    from its weights. Features are identified by the fingerprint of the result
    of `features_of`."""
    found = hashlib.sha256()
    for weights in model.get_weights():
        found.update(np.ascontiguousarray(weights).tobytes())
    return found.hexdigest()[:12]
