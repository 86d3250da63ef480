"""Weights from layers to those that have the same names."""

import dataclasses

import keras

from keras_vidrec.layers.temporal_identity_conv import TemporalWidenedConv
from keras_vidrec.weights.pixels import scale_pixels
from keras_vidrec.weights.pixels import scalings_of
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_of


@dataclasses.dataclass(frozen=True)
class CopyReport:
    """What was copied, by layer path (`tower/layer`) in the target.

    Attributes:
        copied: tuple of str. Layers that got the source's weights as they are.
        mismatched: tuple of str. Layers of other shapes, with both shapes:
            they keep their own weights.
        missing: tuple of str. Layers that the source does not have.
        unused: tuple of str. Layers of the source without a counterpart.
        inflated: tuple of str. Layers that got the source's weights, made for
            the channels of another modality or for several steps of time, and
            how.
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
    """Copies the weights of every layer of the same key and shapes.

    Args:
        source: keras.Model to copy from.
        target: keras.Model to change in place.
        source_key: callable from the path of a layer of the source to the key
            by which it is found.
        target_key: the same for the target.
        inflate: `None`, or callable that gets the layer to copy from and the
            layer to change. It returns `None` where the weights go over as
            they are (or not at all), else the weights to set, and a str that
            says how they were made. Defaults to `None`.

    Returns:
        `CopyReport` by the keys.

    Raises:
        ValueError: if not a single layer fits.
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
    """Copies the weights of every layer of the same key and shapes, and of
    convolutions of images to those that span several steps of time.

    Args:
        have: dict of layers to copy from by key.
        want: dict by key of layers to change in place.
        inflate: as `copy_layers` takes it.

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
    """The weights of a convolution over time from those of one of images, and
    how they were made; `None` of other layers."""
    if not isinstance(wanted, TemporalWidenedConv) or fits(layer, wanted):
        return None
    kernel, *bias = layer.get_weights()
    kernel = wanted.widened(kernel)
    if kernel is None or len(bias) != wanted.use_bias:
        return None
    how = f"1 to {len(kernel)} steps of time: {wanted.initialization}"
    return [kernel, *bias], how


def fits(layer, wanted):
    """Whether the weights of a layer have the shapes of another one's."""
    return _shapes(layer) == _shapes(wanted)


def _shapes(layer):
    return [tuple(weight.shape) for weight in layer.weights]


def copy_by_name(
    source: keras.Model,
    target: keras.Model,
    towers: dict[str, str] | None = None,
) -> CopyReport:
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
        `CopyReport`: what could not be copied is stated, never hidden.

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
