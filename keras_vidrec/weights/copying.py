"""Copying of weights between layers with the same names."""

import dataclasses

import keras

from keras_vidrec.layers.temporal_identity_conv import TemporalWidenedConv
from keras_vidrec.weights.pixels import scale_pixels
from keras_vidrec.weights.pixels import scalings_of
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_of


@dataclasses.dataclass(frozen=True)
class CopyReport:
    """The result of copying, by layer path (`tower/layer`) in the target.

    Attributes:
        copied: tuple of str. Layers with unchanged weights of the source.
        mismatched: tuple of str. Layers of other shapes, with both shapes;
            they keep their own weights.
        missing: tuple of str. Layers that the source does not have.
        unused: tuple of str. Layers of the source without a counterpart.
        inflated: tuple of str. Layers with weights of the source that were
            converted to the channels of another modality or to several steps
            of time, each with the conversion.
    """

    copied: tuple
    mismatched: tuple
    missing: tuple
    unused: tuple
    inflated: tuple = ()

    def __str__(self):
        lines = [f"{len(self.copied)} layers copied"]
        for name in ("inflated", "mismatched", "missing", "unused"):
            layers = getattr(self, name)
            if layers:
                lines.append(f"{name}: {', '.join(layers)}")
        return "; ".join(lines)


def copy_layers(source, target, *, source_key, target_key, inflate=None):
    """Copies the weights of every layer with the same key and shapes.

    Args:
        source: keras.Model to copy from.
        target: keras.Model to change in place.
        source_key: callable from the path of a layer of the source to its key.
        target_key: the same for the target.
        inflate: `None`, or callable from the layer to copy from and the layer
            to change. It returns the weights to set and a str that describes
            the conversion, or `None` for a layer without conversion. Defaults
            to `None`.

    Returns:
        `CopyReport` by the keys.

    Raises:
        ValueError: if no layer fits.
    """
    have, want = (
        {key(path): layer for path, layer in layers_by_path(model).items()}
        for model, key in ((source, source_key), (target, target_key))
    )
    report = copy_matching(have, want, inflate)
    if not report.copied and not report.inflated:
        raise ValueError(
            "Not a single layer fits. Expected networks of the same backbone, "
            "which share layers by name and shape. Received: "
            f"source={source.name!r} with {sorted(have)[:5]}..., "
            f"target={target.name!r} with {sorted(want)[:5]}..."
        )
    return report


def copy_matching(have, want, inflate=None):
    """Copies the weights of every layer with the same key and shapes, and those
    of convolutions of images to convolutions over several steps of time.

    Args:
        have: dict from keys to layers to copy from.
        want: dict from keys to layers to change in place.
        inflate: see `copy_layers`.

    Returns:
        `CopyReport` by the keys.
    """
    copied, inflated, mismatched = [], [], []
    for key in want.keys() & have.keys():
        made = inflate and inflate(have[key], want[key])
        made = made or _widened(have[key], want[key])
        if made:
            weights, how = made
            want[key].set_weights(weights)
            inflated.append(f"{key} ({how})")
        elif fits(have[key], want[key]):
            want[key].set_weights(have[key].get_weights())
            copied.append(key)
        else:
            shapes = f"{_shapes(have[key])} to {_shapes(want[key])}"
            mismatched.append(f"{key} {shapes}")
    return CopyReport(
        tuple(sorted(copied)),
        tuple(sorted(mismatched)),
        tuple(sorted(want.keys() - have.keys())),
        tuple(sorted(have.keys() - want.keys())),
        tuple(sorted(inflated)),
    )


def _widened(layer, wanted):
    """Returns the weights of a convolution over time, made from those of a
    convolution of images, and a description; `None` for other layers."""
    if not isinstance(wanted, TemporalWidenedConv) or fits(layer, wanted):
        return None
    kernel, *bias = layer.get_weights()
    kernel = wanted.widened(kernel)
    if kernel is None or len(bias) != wanted.use_bias:
        return None
    how = f"1 to {len(kernel)} steps of time: {wanted.initialization}"
    return [kernel, *bias], how


def fits(layer, wanted) -> bool:
    """Whether the weights of two layers have the same shapes."""
    return _shapes(layer) == _shapes(wanted)


def _shapes(layer):
    return [tuple(weight.shape) for weight in layer.weights]


def copy_by_name(
    source: keras.Model,
    target: keras.Model,
    towers: dict[str, str] | None = None,
) -> CopyReport:
    """Copies the weights of every layer with the same path and shapes.

    Towers named `rgb_tower` and `rgb` are the same. The pixel scaling of the
    source is copied too.

    Args:
        source: keras.Model to copy from.
        target: keras.Model to change in place.
        towers: `None`, or dict from a stream of the source to the stream of
            the target whose tower gets its weights, such as `{"flow":
            "warped_flow"}`. Defaults to `None`: the same streams.

    Returns:
        `CopyReport`, which also lists layers that could not be copied.

    Raises:
        ValueError: if no layer fits, or the pixel scaling does not fit the
            channels.
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


def _by_stream(path: str, streams: dict[str, str]) -> str:
    """Returns the path with its tower named by its stream, or by the one that
    `streams` gives for it."""
    tower, slash, layer = path.partition("/")
    stream = stream_of(tower)
    if not slash or stream is None:
        return path
    return f"{streams.get(stream, stream)}/{layer}"
