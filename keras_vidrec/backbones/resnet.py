"""Residual networks, in the styles of their releases."""

import collections
import types

from keras import layers

from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.spatial_pooling import CaffePooling

EXPANSION = 4

# Filters of the stem's convolution; then, for the four stages, residual units,
# filters of their bottlenecks and strides; last, the stages whose units the
# Caffe release numbers (a, b1, b2, ...) instead of lettering them (a, b, ...).
Variant = collections.namedtuple(
    "Variant", "stem_filters units filters strides numbered"
)
WIDTHS = (64, 128, 256, 512)
STRIDES = (1, 2, 2, 2)

VARIANTS = types.MappingProxyType(
    {
        "resnet50": Variant(64, (3, 4, 6, 3), WIDTHS, STRIDES, ()),
        "resnet101": Variant(64, (3, 4, 23, 3), WIDTHS, STRIDES, (3, 4)),
        "resnet152": Variant(64, (3, 8, 36, 3), WIDTHS, STRIDES, (3, 4)),
        # For small data, experiments and tests: with stride 16, images of 32 to
        # 112 pixels have maps of 2 to 7 places.
        "tiny": Variant(32, (2, 2, 2, 2), (16, 32, 48, 64), (1, 2, 2, 1), ()),
    }
)

# The differences of the releases. The stride of a stage is in its first 3x3
# convolution in PyTorch, in its first 1x1 convolution in Caffe. The pooling of
# the stem is padded, except in the authors' own release: there its windows
# start at the border, and sizes are rounded up.
Style = collections.namedtuple(
    "Style", "stride_on_3x3 use_bias epsilon padded_pool"
)

STYLES = types.MappingProxyType(
    {
        "pytorch": Style(True, use_bias=False, epsilon=1e-5, padded_pool=True),
        "caffe": Style(
            False, use_bias=True, epsilon=1.001e-5, padded_pool=True
        ),
        "msra": Style(False, use_bias=True, epsilon=1e-5, padded_pool=False),
    }
)


def unit_names(variant):
    """Returns the names of the residual units of each stage: `{2: ["2a", "2b",
    "2c"], 3: ["3a", "3b1", ...], ...}`."""
    variant = VARIANTS[variant]
    return {
        stage: [
            f"{stage}{_unit_name(unit, stage in variant.numbered)}"
            for unit in range(count)
        ]
        for stage, count in enumerate(variant.units, start=2)
    }


def resnet(x, variant, style, prefix=""):
    """Builds the stem and the four stages of a bottleneck residual network.

    Style `"pytorch"` is torchvision's network, `"caffe"` that of
    `keras.applications`, and `"msra"` that of the authors' Caffe release, which
    MatConvNet also uses: it differs from `"caffe"` in the pooling of the stem.
    Layers have the names of the Caffe release: `conv1`, `bn_conv1`,
    `conv1_relu`, `pool1`, `res2a_branch1`, `bn2a_branch1`, `res2a_branch2a`,
    `bn2a_branch2a`, `res2a_branch2a_relu`, ..., `res2a` (the sum),
    `res2a_relu`.

    This generator stops at its endpoints, see `Walk`: in each unit, such as 2a,
    `res2a_branch2a_input`, `res2a_branch2b_relu`, `res2a`, `res2a_relu`, and
    the output of each convolution before its normalization, such as
    `res2a_branch2a`; and the ends of the stages, `relu2` .. `relu5`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`.
        variant: str. A key of `VARIANTS`.
        style: str. A key of `STYLES`.
        prefix: str. Prefix of the names of the layers. Defaults to `""`.

    Returns:
        Feature map of stride 32 with 2048 channels (`"tiny"`: 16, 256).

    Reference:
        - [He et al., 2016](https://arxiv.org/abs/1512.03385), table 1
    """
    units = unit_names(variant)
    variant = VARIANTS[variant]
    style = STYLES[style]
    x = _convolution(x, variant.stem_filters, 7, 2, style, f"{prefix}conv1")
    x = _normalization(x, style, f"{prefix}bn_conv1")
    x = layers.Activation("relu", name=f"{prefix}conv1_relu")(x)
    if style.padded_pool:
        # After a ReLU, padding with zeros equals padding with minus infinity.
        x = layers.ZeroPadding2D(1, name=f"{prefix}pool1_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name=f"{prefix}pool1")(x)
    else:
        x = CaffePooling(3, 2, name=f"{prefix}pool1")(x)
    for (stage, names), filters, stride in zip(
        units.items(), variant.filters, variant.strides
    ):
        for name in names:
            first = name == names[0]
            x = yield from _residual_unit(
                x, filters, stride if first else 1, first, style, name, prefix
            )
        x = yield f"relu{stage}", x
    return x


def _unit_name(unit, numbered):
    if numbered and unit > 0:
        return f"b{unit}"
    return "abcdefgh"[unit]


def _convolution(x, filters, kernel_size, strides, style, name):
    if strides > 1 and kernel_size > 1:
        # "same" would pad even images differently.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=style.use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _normalization(x, style, name):
    return BatchNormalization(momentum=0.9, epsilon=style.epsilon, name=name)(x)


def _residual_unit(x, filters, strides, project, style, name, prefix):
    def convolution(x, filters, kernel_size, strides, branch):
        conv = f"res{name}_{branch}"
        x = _convolution(
            x, filters, kernel_size, strides, style, f"{prefix}{conv}"
        )
        x = yield conv, x
        return _normalization(x, style, f"{prefix}bn{name}_{branch}")

    def relu(x, endpoint):
        return layers.Activation("relu", name=f"{prefix}{endpoint}_relu")(x)

    endpoint = f"res{name}"
    shortcut = x
    if project:
        shortcut = yield from convolution(
            x, EXPANSION * filters, 1, strides, "branch1"
        )
    first, second = (1, strides) if style.stride_on_3x3 else (strides, 1)
    x = yield f"{endpoint}_branch2a_input", x
    x = yield from convolution(x, filters, 1, first, "branch2a")
    x = relu(x, f"{endpoint}_branch2a")
    x = yield from convolution(x, filters, 3, second, "branch2b")
    x = relu(x, f"{endpoint}_branch2b")
    x = yield f"{endpoint}_branch2b_relu", x
    x = yield from convolution(x, EXPANSION * filters, 1, 1, "branch2c")
    x = layers.Add(name=f"{prefix}{endpoint}")([shortcut, x])
    x = yield endpoint, x
    x = relu(x, endpoint)
    return (yield f"{endpoint}_relu", x)
