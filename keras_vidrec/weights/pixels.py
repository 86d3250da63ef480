"""The pixels that weights were trained on, set in a network."""

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
    """The layers of a network that scale raw pixels.

    Args:
        model: keras.Model of this package.

    Returns:
        dict of `PixelNormalization` by modality; empty where pixels go in as
        they are.
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
    """How a network scales raw pixels.

    Args:
        model: keras.Model of this package.

    Returns:
        dict of `PixelScaling` by modality, of those of `pixel_layers`.
    """
    return {
        modality: PixelScaling(layer.mean, layer.std, layer.channel_order)
        for modality, layer in pixel_layers(model).items()
    }


def modality_of(model):
    """What a network of one stream, or a bare tower, sees: by the name of
    its tower, else by the channels of its input."""
    stream = next(iter(towers(model)), None) or stream_of(model.name)
    if stream is not None:
        return stream
    return "rgb" if model.input_shape[-1] == _COLORS else "flow"


def kind_of(modality):
    """The modality that determines the pixel scaling: warped flow counts as
    flow.
    """
    return "flow" if modality == "warped_flow" else modality


def makes_differences(model):
    """Whether a network makes differences of the frames it is given."""
    return any(
        isinstance(layer, RGBDifference) for _, layer in every_layer(model)
    )


def scales_in_kernel(model, modality):
    """Whether a network makes differences of raw frames, which no layer
    scales: its first convolution has to.

    Args:
        model: keras.Model of this package.
        modality: str. What the stream in question sees.

    Returns:
        bool. See `scaled_kernel`.
    """
    return (
        modality == "rgb_diff"
        and modality not in pixel_layers(model)
        and makes_differences(model)
    )


def scale_pixels(model, scalings):
    """Changes the scaling of raw pixels inside a network.

    What was traced with the old one is forgotten.

    Args:
        model: keras.Model of this package, to change in place.
        scalings: dict of `backbones.PixelScaling` by modality. Those of
            modalities that `pixel_layers` does not have are left out.

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
    """A first kernel that takes differences of raw R G B frames instead of
    scaled ones, with the same result.

    Args:
        kernel: float array `(height, width, 3 * L, filters)` for scaled
            differences in `scaling.channel_order`.
        scaling: `PixelScaling` of the differences, of mean 0: padding with
            zeros is the same before and after it.

    Returns:
        float32 array of the same shape.

    Raises:
        ValueError: if the mean is not 0.
    """
    if np.any(scaling.mean):
        raise ValueError(
            "Expected differences of frames of mean 0, which alone can be "
            f"scaled in a first convolution. Received: scaling={scaling}"
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


def formula(scaling):
    """A scaling in words: `"(BGR - (104, 117, 123)) / 1"`."""
    order = scaling.channel_order.upper()
    if order == "RGB" and not isinstance(scaling.mean, tuple):
        order = "pixels"
    return f"({order} - {_figures(scaling.mean)}) / {_figures(scaling.std)}"


def _figures(value):
    if isinstance(value, tuple):
        return f"({', '.join(f'{number:.6g}' for number in value)})"
    return f"{value:.6g}"


def _forget_traces(model):
    """Functions of `fit`, `evaluate` and `predict` hold what the layers were
    when they were made."""
    model.train_function = None
    model.test_function = None
    model.predict_function = None
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _forget_traces(layer)
