"""The scaling of raw pixels in a network."""

import keras
import numpy as np

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.layers.pixel_normalization import PixelNormalization
from keras_vidrec.layers.rgb_difference import RGBDifference
from keras_vidrec.weights.towers import every_layer
from keras_vidrec.weights.towers import layer_places
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_of
from keras_vidrec.weights.towers import towers

_COLORS = 3


def pixel_layers(model):
    """Returns the layers of a network that scale raw pixels.

    Args:
        model: keras.Model of this package.

    Returns:
        dict from modalities to `PixelNormalization`; empty if the network does
        not scale pixels.
    """
    found = {
        path: layer
        for path, layer in every_layer(model)
        if isinstance(layer, PixelNormalization)
    }
    places = layer_places([*layers_by_path(model), *found])
    return {
        places[path][0] or modality_of(model): layer
        for path, layer in found.items()
    }


def scalings_of(model):
    """Returns the pixel scalings of a network.

    Args:
        model: keras.Model of this package.

    Returns:
        dict from the modalities of `pixel_layers` to `PixelScaling`.
    """
    return {
        modality: PixelScaling(layer.mean, layer.std, layer.channel_order)
        for modality, layer in pixel_layers(model).items()
    }


def modality_of(model) -> str:
    """Returns the modality of a network of one stream or a bare tower, by the
    name of the tower, or if that is none, by the channels of its input."""
    stream = next(iter(towers(model)), None) or stream_of(model.name)
    if stream is not None:
        return stream
    return "rgb" if model.input_shape[-1] == _COLORS else "flow"


def kind_of(modality: str) -> str:
    """Returns the modality that determines the pixel scaling: `"flow"` for
    warped flow, else the same."""
    return "flow" if modality == "warped_flow" else modality


def makes_differences(model) -> bool:
    """Whether a network computes the differences of its input frames."""
    return any(
        isinstance(layer, RGBDifference) for _, layer in every_layer(model)
    )


def scales_in_kernel(model, modality: str) -> bool:
    """Whether the first convolution of a stream has to include the pixel
    scaling (see `scaled_kernel`), because the network computes differences of
    raw frames and has no layer that scales them.

    Args:
        model: keras.Model of this package.
        modality: str. The modality of the stream.
    """
    return (
        modality == "rgb_diff"
        and modality not in pixel_layers(model)
        and makes_differences(model)
    )


def scale_pixels(model, scalings):
    """Changes the scaling of raw pixels inside a network.

    Its traced functions are removed, because they contain the old scaling.

    Args:
        model: keras.Model of this package, to change in place.
        scalings: dict from modalities to `backbones.PixelScaling`. Modalities
            that `pixel_layers` does not have are ignored.

    Raises:
        ValueError: if a scaling does not fit the channels. Nothing is changed
            then.
    """
    layers = pixel_layers(model)
    checked = {}
    for modality in layers.keys() & scalings.keys():
        scaling = scalings[modality]
        checked[modality] = PixelNormalization(
            scaling.mean, scaling.std, scaling.channel_order
        )
        checked[modality].build(layers[modality].input.shape)
    for modality, wanted in checked.items():
        layer = layers[modality]
        layer.mean = wanted.mean
        layer.std = wanted.std
        layer.channel_order = wanted.channel_order
    _forget_traces(model)


def scaled_kernel(kernel, scaling):
    """Returns a kernel that gives the same result for differences of raw R G B
    frames as the given one for scaled differences.

    Args:
        kernel: float array `(height, width, 3 * L, filters)` for scaled
            differences in `scaling.channel_order`.
        scaling: `PixelScaling` of the differences, with mean 0, so that zeros
            of padding are not changed by it.

    Returns:
        float32 array of the same shape.

    Raises:
        ValueError: if the mean is not 0.
    """
    if np.any(scaling.mean):
        raise ValueError(
            "Expected a scaling of differences with mean 0. Others cannot be "
            f"included in a convolution. Received: scaling={scaling}"
        )
    channels = kernel.shape[2]
    order = np.arange(_COLORS)
    if scaling.channel_order == "bgr":
        order = order[::-1]
    std = np.broadcast_to(np.asarray(scaling.std, "float64"), (_COLORS,))
    places = np.concatenate(
        [start + order for start in range(0, channels, _COLORS)]
    )
    divisors = np.tile(std[order], channels // _COLORS)
    scaled = kernel[:, :, places] / divisors[:, None]
    return scaled.astype("float32")


def formula(scaling: PixelScaling) -> str:
    """Returns a scaling as text: `"(BGR - (104, 117, 123)) / 1"`."""
    order = scaling.channel_order.upper()
    if order == "RGB" and not isinstance(scaling.mean, tuple):
        order = "pixels"
    return f"({order} - {_figures(scaling.mean)}) / {_figures(scaling.std)}"


def _figures(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(f'{number:.6g}' for number in value)})"
    return f"{value:.6g}"


def _forget_traces(model):
    """Removes the functions of `fit`, `evaluate` and `predict`, which contain
    the attributes that layers had when the functions were traced."""
    model.train_function = None
    model.test_function = None
    model.predict_function = None
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _forget_traces(layer)
