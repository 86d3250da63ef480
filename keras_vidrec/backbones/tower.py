"""Builds towers from the names of backbones and from Keras models."""

import collections.abc
import typing

import keras

from keras_vidrec.backbones import table
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.backbones.walk import Walk
from keras_vidrec.layers.spatial_pooling import SlidingAveragePooling2D
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks

_POOLINGS = ("avg", "max")
_LAST = "channels_last"
_PROBABILITIES = ("softmax", "log_softmax")


def get(
    name_or_model: str | keras.Model,
    *,
    channels: int = 3,
    input_shape: tuple[int | None, int | None] | None = None,
    pooling: typing.Literal["avg", "max"] | None = "avg",
    spatial_pooling: int | None = None,
    name: str | None = None,
    dropout: float = 0.5,
    endpoints: collections.abc.Sequence[str] | None = None,
) -> keras.Model:
    """Builds a tower: stem, stages, and global pooling named `features`.

    Convolutions have He normal initialization. Inner layers have the names of
    the reference release, independent of the tower's name, so that weights can
    be copied by name in every stream of a network.

    Args:
        name_or_model: str, a key of `BACKBONES` (a ResNet has three: its plain
            name for PyTorch's release, with `_caffe` that of
            `keras.applications`, with `_msra` that of the authors' Caffe
            release, also in MatConvNet); or a `keras.Model` from images
            `(batch, height, width, channels)` to a feature map or a vector of
            features, not to probabilities. A model is used with its weights,
            not copied.
        channels: int. Channels of the input, such as 3 for colors, 10 for
            five frames of flow. Defaults to `3`.
        input_shape: `None` (any size, or that of a model), or pair `(height,
            width)` of int or `None`. Defaults to `None`.
        pooling: `None` (no pooling), `"avg"` or `"max"`. Global pooling of the
            feature map. Defaults to `"avg"`.
        spatial_pooling: `None` (over the whole map), or int: side of the window
            that `"avg"` slides over the map. Defaults to `None`.
        name: `None` (the name of the backbone), or str: name of the tower, such
            as that of the stream. Defaults to `None`.
        dropout: float in [0, 1). Rate between the fully connected layers of
            towers that have them (`vgg16`, `vgg_m_2048`). Defaults to `0.5`.
        endpoints: `None`, or sequence of str: endpoints of the tower, see
            `Walk` (for a `keras.Model`, names of its layers). The output is
            then the dict of their tensors, and the tower ends at the last one.
            Defaults to `None`.

    Returns:
        A functional `keras.Model` from preprocessed float images `(batch,
        height, width, channels)` to features `(batch, filters)`; with
        `pooling=None` to the map `(batch, map_height, map_width, filters)`; or
        with `endpoints` to a dict of tensors.

    Raises:
        ValueError: if the name is unknown, the shapes of a model do not fit,
            the tower does not have one of the `endpoints`, or `channels`,
            `input_shape`, `pooling` or `spatial_pooling` is invalid (the last
            one also for a model without a map).

    Example:
        >>> tower = backbones.get("resnet50", channels=10, name="flow")
        >>> tower(np.zeros((6, 224, 224, 10))).shape
        (6, 2048)
    """
    check_channels_last()
    checks.count("channels", channels)
    sizes = (None, None) if input_shape is None else tuple(input_shape)
    checks.check(
        len(sizes) == 2,
        "input_shape",
        "None or a pair (height, width)",
        input_shape,
    )
    checks.choice("pooling", pooling, (*_POOLINGS, None))
    if spatial_pooling is not None:
        checks.count("spatial_pooling", spatial_pooling)
    checks.check(
        not isinstance(endpoints, str),
        "endpoints",
        "None or a sequence of names",
        endpoints,
    )
    image_shape = (*sizes, channels)
    if isinstance(name_or_model, keras.Model):
        inputs, outputs = _run_model(name_or_model, image_shape)
        name = name or name_or_model.name
        if endpoints is not None:
            outputs = _layer_outputs(name_or_model, endpoints)
    else:
        inputs = keras.Input(image_shape, name="images")
        walk = Walk(name_or_model, inputs, dropout=dropout)
        if endpoints is not None:
            outputs = {endpoint: walk.to(endpoint) for endpoint in endpoints}
        else:
            outputs = walk.to()
        name = name or name_or_model
    if endpoints is None and pooling is not None:
        has_map = len(outputs.shape) == 4
        checks.check(
            spatial_pooling is None or has_map,
            "spatial_pooling",
            "None, because the model used as backbone returns features and no "
            "map",
            spatial_pooling,
        )
        if has_map:
            outputs = pooling_layer(pooling, spatial_pooling)(outputs)
    return keras.Model(inputs, outputs, name=name)


def pooling_layer(
    pooling: typing.Literal["avg", "max"] | None,
    spatial_pooling: int | None = None,
    name: str = "features",
) -> keras.layers.Layer:
    """Returns the layer from a feature map to features at the end of a tower.

    Args:
        pooling, spatial_pooling: see `get`.
        name: str. Name of the layer. Defaults to `"features"`.
    """
    if pooling == "max":
        return keras.layers.GlobalMaxPooling2D(name=name)
    if spatial_pooling is None:
        return keras.layers.GlobalAveragePooling2D(name=name)
    return SlidingAveragePooling2D(spatial_pooling, name=name)


def preprocessing(
    name_or_model: str | keras.Model, modality: str
) -> PixelScaling | None:
    """Returns the scaling of raw pixels that a backbone was trained with.

    Args:
        name_or_model: str or `keras.Model`, see `get`.
        modality: str. One of `specs.MODALITIES`.

    Returns:
        A `PixelScaling`, or `None` for inputs that are not scaled: differences
        of frames, and the inputs of a `keras.Model`.

    Raises:
        ValueError: if the name or the modality is unknown.
    """
    checks.choice("modality", modality, MODALITIES)
    if isinstance(name_or_model, keras.Model):
        return None
    backbone = table.find(name_or_model)
    if modality == "rgb_diff":
        return None
    return backbone.rgb if modality == "rgb" else backbone.flow


def check_features(model: keras.Model) -> None:
    """Checks that the output of a `keras.Model` is features, not probabilities
    of classes.

    Raises:
        ValueError: if its last layer is a softmax, naming the layer.
    """
    layer = model
    while isinstance(layer, keras.Model):
        outputs = getattr(layer, "outputs", None)
        if not outputs:
            return  # a subclass of `keras.Model` has no graph
        layer = outputs[0]._keras_history.operation
    activation = getattr(layer, "activation", None)
    softmax = getattr(activation, "__name__", activation) in _PROBABILITIES
    if softmax or isinstance(layer, keras.layers.Softmax):
        raise ValueError(
            "A model used as backbone must return features, but the layer "
            f"{layer.name!r} of {model.name!r} returns probabilities of "
            "classes. Expected a model without classifier, such as one of "
            "`keras.applications` with include_top=False. Received: "
            f"backbone={model.name!r}"
        )


def _run_model(model, image_shape):
    """Returns the input and output of a `keras.Model` used as backbone."""
    check_features(model)
    try:
        inputs, outputs = model.inputs, model.outputs
    except AttributeError:
        inputs, outputs = None, None
    if inputs is None:
        # A subclass of `keras.Model` has no graph of its own.
        inputs = [keras.Input(image_shape, name="images")]
        outputs = keras.tree.flatten(model(inputs[0]))
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise ValueError(
            "A model used as backbone must take one tensor of images. "
            "Expected an input of shape (batch, height, width, channels). "
            f"Received: {[tensor.shape for tensor in inputs]}"
        )
    if len(outputs) != 1 or len(outputs[0].shape) not in (2, 4):
        raise ValueError(
            "A model used as backbone must return one feature map or one "
            "vector of features. Expected an output of rank 4 or 2. "
            f"Received: {[tensor.shape for tensor in outputs]}"
        )
    accepted = tuple(inputs[0].shape[1:])
    fits = all(
        None in pair or pair[0] == pair[1]
        for pair in zip(accepted, image_shape)
    )
    if not fits:
        raise ValueError(
            f"The model {model.name!r} used as backbone does not take these "
            f"images. Expected (height, width, channels) as {accepted}. "
            f"Received: {image_shape}"
        )
    return inputs[0], outputs[0]


def _layer_outputs(model, names):
    """Returns a dict of the outputs of layers by name."""
    known = [layer.name for layer in model.layers]
    for name in names:
        if name not in known:
            raise ValueError(
                f"The model {model.name!r} has no layer {name!r}. Expected "
                f"some of {known}. Received: endpoints={tuple(names)}"
            )
    return {name: model.get_layer(name).output for name in names}


def check_channels_last():
    """Raises a `ValueError` if Keras is configured for channels first, which
    would be the default of Keras' layers."""
    received = keras.config.image_data_format()
    checks.check(
        received == _LAST,
        "image_data_format",
        f"{_LAST!r} in Keras' configuration, which is ~/.keras/keras.json or "
        f'that of KERAS_HOME: keras.config.set_image_data_format("{_LAST}") '
        "sets it for this process",
        received,
    )
