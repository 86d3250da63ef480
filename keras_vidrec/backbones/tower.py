"""2-D backbones by name, and any Keras model, as towers of one form."""

import dataclasses
import functools
import types
import typing

import keras

from keras_vidrec import clip_spec
from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.bn_inception import bn_inception
from keras_vidrec.backbones.inception_v3 import inception_v3
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.backbones.resnet import resnet

POOLINGS = types.MappingProxyType(
    {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }
)


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A row of `BACKBONES`: how to build one, and the pixels it wants.

    Args:
        build: callable from the tensor of images to the feature map.
        rgb: `PixelScaling` of images.
        flow: `PixelScaling` of flow.
    """

    build: typing.Callable
    rgb: PixelScaling
    flow: PixelScaling


def _residual(variant):
    return {
        "pytorch": Backbone(
            functools.partial(resnet, variant=variant, style="pytorch"),
            pixel_scaling.TORCH_RGB,
            pixel_scaling.UNIT_FLOW,
        ),
        "caffe": Backbone(
            functools.partial(resnet, variant=variant, style="caffe"),
            pixel_scaling.CAFFE_RGB,
            pixel_scaling.CENTRED_FLOW,
        ),
    }


# By name, then by style, the first being the default; None stands for the only
# style there is.
BACKBONES = types.MappingProxyType(
    {
        "tiny": {
            None: Backbone(
                functools.partial(resnet, variant="tiny", style="pytorch"),
                pixel_scaling.SYMMETRIC,
                pixel_scaling.SYMMETRIC,
            )
        },
        "bn_inception": {
            None: Backbone(
                bn_inception,
                pixel_scaling.BN_INCEPTION_RGB,
                pixel_scaling.CENTRED_FLOW,
            )
        },
        "resnet50": _residual("resnet50"),
        "resnet101": _residual("resnet101"),
        "resnet152": _residual("resnet152"),
        "inception_v3": {
            None: Backbone(
                inception_v3,
                pixel_scaling.SYMMETRIC,
                pixel_scaling.SYMMETRIC,
            )
        },
    }
)


def get(
    name_or_model,
    *,
    channels=3,
    input_shape=None,
    pooling="avg",
    name=None,
    style=None,
):
    """Builds a tower: stem, stages, and global pooling named `features`.

    Convolutions start from He's normal distribution. Layers inside keep the
    names of the reference release, whatever the tower's own name, so weights
    are found by name in every stream of a network.

    Args:
        name_or_model: str, a key of `BACKBONES`; or a `keras.Model` from
            images `(batch, height, width, channels)` to a feature map or a
            vector of features. A model is used with its weights, not copied.
        channels: int. Channels of the input, such as 3 for colours, 10 for
            five frames of flow. Defaults to `3`.
        input_shape: `None`, or pair `(height, width)` of int or `None`.
            Defaults to `None`: any size, or a model's own.
        pooling: str or `None`. Global pooling of the feature map: `"avg"`,
            `"max"`, or `None` for the map itself. Defaults to `"avg"`.
        name: str or `None`. Name of the tower, such as the stream's. Defaults
            to that of the backbone.
        style: str or `None`. `"pytorch"` or `"caffe"` for the ResNets; other
            backbones have no choice. Defaults to `None`: `"pytorch"`.

    Returns:
        A functional `keras.Model` from preprocessed float images `(batch,
        height, width, channels)` to features `(batch, filters)`, or to
        the map `(batch, map_height, map_width, filters)` with `pooling=None`.

    Raises:
        ValueError: if the name or the style is unknown, if a model's shapes do
            not fit, or on an invalid `channels`, `input_shape` or `pooling`.

    Example:
        >>> tower = backbones.get("resnet50", channels=10, name="flow")
        >>> tower(np.zeros((6, 224, 224, 10))).shape
        (6, 2048)
    """
    if isinstance(channels, bool) or not (
        isinstance(channels, int) and channels > 0
    ):
        raise ValueError(
            "Invalid `channels`. Expected a positive integer. Received: "
            f"channels={channels!r}"
        )
    sizes = (None, None) if input_shape is None else tuple(input_shape)
    if len(sizes) != 2:
        raise ValueError(
            "Invalid `input_shape`. Expected None or a pair (height, width). "
            f"Received: input_shape={input_shape!r}"
        )
    if pooling is not None and pooling not in POOLINGS:
        raise ValueError(
            f"Invalid `pooling`. Expected one of {tuple(POOLINGS)} or None. "
            f"Received: pooling={pooling!r}"
        )
    image_shape = (*sizes, channels)
    if isinstance(name_or_model, keras.Model):
        inputs, outputs = _run_model(name_or_model, image_shape, style)
        name = name or name_or_model.name
    else:
        backbone = _find(name_or_model, style)
        inputs = keras.Input(image_shape, name="images")
        outputs = backbone.build(inputs)
        name = name or name_or_model
    if pooling is not None and len(outputs.shape) == 4:
        outputs = POOLINGS[pooling](name="features")(outputs)
    return keras.Model(inputs, outputs, name=name)


def preprocessing(name_or_model, modality, style=None):
    """The scaling of raw pixels that a backbone was trained on.

    Args:
        name_or_model: str or `keras.Model`, as `get` takes it.
        modality: str. One of `clip_spec.MODALITIES`.
        style: str or `None`, as `get` takes it.

    Returns:
        A `PixelScaling`, or `None` where pixels go in as they are: for
        differences of frames, and for a `keras.Model`.

    Raises:
        ValueError: if the name, the style or the modality is unknown.
    """
    if modality not in clip_spec.MODALITIES:
        raise ValueError(
            f"Unknown `modality`. Expected one of {clip_spec.MODALITIES}. "
            f"Received: modality={modality!r}"
        )
    if isinstance(name_or_model, keras.Model):
        _refuse_style(style, "a keras.Model")
        return None
    backbone = _find(name_or_model, style)
    if modality == "rgb_diff":
        return None
    return backbone.rgb if modality == "rgb" else backbone.flow


def _find(name, style):
    if not isinstance(name, str) or name not in BACKBONES:
        raise ValueError(
            f"Unknown backbone. Expected one of {tuple(BACKBONES)}, or a "
            f"`keras.Model`. Received: {name!r}"
        )
    styles = BACKBONES[name]
    if style is None:
        return next(iter(styles.values()))
    if None in styles:
        _refuse_style(style, f"backbone {name!r}")
    if style not in styles:
        raise ValueError(
            f"Unknown `style` of backbone {name!r}. Expected one of "
            f"{tuple(styles)}. Received: style={style!r}"
        )
    return styles[style]


def _refuse_style(style, whose):
    if style is not None:
        raise ValueError(
            f"There is no choice of `style` for {whose}. Expected None. "
            f"Received: style={style!r}"
        )


def _run_model(model, image_shape, style):
    _refuse_style(style, "a keras.Model")
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
