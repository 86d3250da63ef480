"""The backbones there are, by name, and the pixels each wants."""

import dataclasses
import functools
import types
import typing

import keras

from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.bn_inception import bn_inception
from keras_vidrec.backbones.googlenet import googlenet
from keras_vidrec.backbones.inception_v3 import inception_v3
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.backbones.resnet import resnet
from keras_vidrec.backbones.resnet import unit_names
from keras_vidrec.backbones.vgg16 import vgg16
from keras_vidrec.backbones.vgg_m_2048 import vgg_m_2048


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A row of `BACKBONES`: how to build one, and the pixels it wants.

    Args:
        build: generator function from the tensor of images to the feature
            map, which stops at the tower's places as `Walk` says.
        rgb: `PixelScaling` of images.
        flow: `PixelScaling` of flow.
        fully_connected: bool. Whether the tower ends in fully connected
            layers behind a pooling; then `build` takes the rate of the
            `dropout` between them. Defaults to `False`.
        units: `None`, or for a residual network dict from a stage to the
            names of its units; then `build` takes a `prefix` of layer names.
            Defaults to `None`.
    """

    build: typing.Callable
    rgb: PixelScaling
    flow: PixelScaling
    fully_connected: bool = False
    units: dict | None = None


def _residual(variant, scalings):
    units = unit_names(variant)
    rows = {}
    for style, pixels in scalings.items():
        build = functools.partial(
            resnet, variant=variant, style=style or "pytorch"
        )
        rows[style] = Backbone(build, *pixels, units=units)
    return rows


_STYLES = {
    "pytorch": (pixel_scaling.TORCH_RGB, pixel_scaling.UNIT_FLOW),
    "caffe": (pixel_scaling.CAFFE_RGB, pixel_scaling.CENTERED_FLOW),
    "msra": (pixel_scaling.CAFFE_RGB, pixel_scaling.CENTERED_FLOW),
}
_SYMMETRIC = (pixel_scaling.SYMMETRIC, pixel_scaling.SYMMETRIC)
_CAFFE = (pixel_scaling.CAFFE_RGB, pixel_scaling.CENTERED_FLOW)
_INCEPTION = (pixel_scaling.BN_INCEPTION_RGB, pixel_scaling.CENTERED_FLOW)

# By name, then by style, the first being the default; None stands for the only
# style there is.
BACKBONES = types.MappingProxyType(
    {
        "tiny": _residual("tiny", {None: _SYMMETRIC}),
        "bn_inception": {None: Backbone(bn_inception, *_INCEPTION)},
        "resnet50": _residual("resnet50", _STYLES),
        "resnet101": _residual("resnet101", _STYLES),
        "resnet152": _residual("resnet152", _STYLES),
        "inception_v3": {None: Backbone(inception_v3, *_SYMMETRIC)},
        "vgg16": {None: Backbone(vgg16, *_CAFFE, fully_connected=True)},
        "vgg_m_2048": {
            None: Backbone(vgg_m_2048, *_CAFFE, fully_connected=True)
        },
        "googlenet": {None: Backbone(googlenet, *_INCEPTION)},
    }
)


def find(name, style=None):
    """The row of a backbone.

    Args:
        name: str. A key of `BACKBONES`.
        style: str or `None`, for the default. Defaults to `None`.

    Returns:
        `Backbone`.

    Raises:
        ValueError: if the name or the style is unknown.
    """
    if not isinstance(name, str) or name not in BACKBONES:
        raise ValueError(
            f"Unknown backbone. Expected one of {tuple(BACKBONES)}, or a "
            f"`keras.Model`. Received: {name!r}"
        )
    styles = BACKBONES[name]
    if style is None:
        return next(iter(styles.values()))
    if None in styles:
        refuse_style(style, f"backbone {name!r}")
    if style not in styles:
        raise ValueError(
            f"Unknown `style` of backbone {name!r}. Expected one of "
            f"{tuple(styles)}. Received: style={style!r}"
        )
    return styles[style]


def residual_names():
    """Names of the residual backbones."""
    return tuple(
        name
        for name, styles in BACKBONES.items()
        if all(backbone.units for backbone in styles.values())
    )


def has_styles(name_or_model):
    """Whether a backbone, as `backbones.get` takes it, has a choice of style.

    Raises:
        ValueError: if the name is unknown.
    """
    if isinstance(name_or_model, keras.Model):
        return False
    find(name_or_model)
    return None not in BACKBONES[name_or_model]


def refuse_style(style, whose):
    """Raises a `ValueError` unless the style is `None`."""
    if style is not None:
        raise ValueError(
            f"There is no choice of `style` for {whose}. Expected None. "
            f"Received: style={style!r}"
        )
