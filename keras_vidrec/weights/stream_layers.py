"""Names of the layers of a network of several streams, by stream."""

from keras_vidrec.specs.clip_spec import MODALITIES
from keras_vidrec.weights.towers import stream_of

# Streams by the towers of two-stream fusion that carry them on, and by those
# of all others. A name that begins another one comes after it.
_STREAMS = {
    "spatiotemporal": "rgb",
    "temporal": "flow",
    **{name: name for name in sorted(MODALITIES, key=len, reverse=True)},
}


def stream_layer(path):
    """Where the weights of a layer of a network of several streams come from.

    A pure function of the path of the layer through nested models:

    >>> stream_layer("rgb_tower/res2a_branch2a")
    ('rgb', 'res2a_branch2a')
    >>> stream_layer("temporal_from_relu5/fc6")
    ('flow', 'fc6')
    >>> stream_layer("flow_logits")
    ('flow', 'logits')

    Args:
        path: str, as `copying.layers_by_path` gives it.

    Returns:
        Pair of str, the stream and the name of the layer in a network of this
        stream alone; `None` for a layer that belongs to no stream.
    """
    first, *inner = path.split("/")
    for name, stream in _STREAMS.items():
        if inner:
            if first in (name, f"{name}_tower") or first.startswith(
                f"{name}_from_"
            ):
                return stream, in_stream("/".join(inner))
        elif first.startswith(f"{name}_"):
            return stream, first.removeprefix(f"{name}_")
    return None


def in_stream(path):
    """The path of a layer in a network of one stream, without the tower.

    >>> in_stream("rgb/conv1")
    'conv1'
    """
    tower, slash, inner = path.partition("/")
    return inner if slash and stream_of(tower) else path
