"""Weights from one network to another by the names of their layers."""

from keras_vidrec.weights.copying import copy_layers
from keras_vidrec.weights.pixels import scale_pixels
from keras_vidrec.weights.pixels import scalings_of
from keras_vidrec.weights.towers import stream_of


def copy_by_name(source, target, towers=None):
    """Copies the weights of every layer of the same path and shapes.

    A tower named `rgb_tower` is the same as one named `rgb`. Raw pixels are
    scaled as the source does.

    Args:
        source: keras.Model to copy from.
        target: keras.Model to change in place.
        towers: `None`, or dict from a stream of the source to the stream of
            the target whose tower gets its weights, such as `{"flow":
            "warped_flow"}`. Defaults to `None`: each to its own.

    Returns:
        `CopyReport`: what could not be copied is told, never hidden.

    Raises:
        ValueError: if not a single layer fits, or the scaling of pixels does
            not fit the channels.
    """
    report = copy_layers(
        source,
        target,
        source_key=lambda path: _by_stream(path, towers or {}),
        target_key=lambda path: _by_stream(path, {}),
    )
    scalings = scalings_of(source).items()
    scale_pixels(target, {(towers or {}).get(m, m): x for m, x in scalings})
    return report


def _by_stream(path, streams):
    """The path with its tower called by the stream, or by another one."""
    tower, slash, layer = path.partition("/")
    stream = stream_of(tower)
    if not slash or stream is None:
        return path
    return f"{streams.get(stream, stream)}/{layer}"
