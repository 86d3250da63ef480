"""Inception-v3."""

import types

from keras import layers

from keras_vidrec.layers.batch_normalization import BatchNormalization

# Stem: name, filters, kernel size, stride and padding of a convolution, or the
# name of a pooling.
STEM = (
    ("1a_3x3", 32, 3, 2, "valid"),
    ("2a_3x3", 32, 3, 1, "valid"),
    ("2b_3x3", 64, 3, 1, "same"),
    "maxpool1",
    ("3b_1x1", 80, 1, 1, "valid"),
    ("4a_3x3", 192, 3, 1, "valid"),
    "maxpool2",
)

# Blocks at which a stage ends: the next block halves the image, or there is
# none.
STAGE_ENDS = types.MappingProxyType({"5d": 3, "6e": 4, "7c": 5})


def _block_35(pool_filters):
    return {
        "branch1x1": ((64, 1, 1),),
        "branch5x5": ((48, 1, 1), (64, 5, 5)),
        "branch3x3dbl": ((64, 1, 1), (96, 3, 3), (96, 3, 3)),
        "branch_pool": ((pool_filters, 1, 1),),
    }


def _block_17(filters):
    return {
        "branch1x1": ((192, 1, 1),),
        "branch7x7": ((filters, 1, 1), (filters, 1, 7), (192, 7, 1)),
        "branch7x7dbl": (
            (filters, 1, 1),
            (filters, 7, 1),
            (filters, 1, 7),
            (filters, 7, 1),
            (192, 1, 7),
        ),
        "branch_pool": ((192, 1, 1),),
    }


# A pair of convolutions at the end of a branch has the same input.
_BLOCK_8 = {
    "branch1x1": ((320, 1, 1),),
    "branch3x3": ((384, 1, 1), ((384, 1, 3), (384, 3, 1))),
    "branch3x3dbl": ((448, 1, 1), (384, 3, 3), ((384, 1, 3), (384, 3, 1))),
    "branch_pool": ((192, 1, 1),),
}

# Branches of the blocks, convolution by convolution: filters, kernel height,
# kernel width. A block whose pooling branch has no convolution halves the
# image: the last convolution of the other branches has stride 2.
BLOCKS = types.MappingProxyType(
    {
        "5b": _block_35(32),
        "5c": _block_35(64),
        "5d": _block_35(64),
        "6a": {
            "branch3x3": ((384, 3, 3),),
            "branch3x3dbl": ((64, 1, 1), (96, 3, 3), (96, 3, 3)),
            "branch_pool": (),
        },
        "6b": _block_17(128),
        "6c": _block_17(160),
        "6d": _block_17(160),
        "6e": _block_17(192),
        "7a": {
            "branch3x3": ((192, 1, 1), (320, 3, 3)),
            "branch7x7x3": ((192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)),
            "branch_pool": (),
        },
        "7b": _BLOCK_8,
        "7c": _BLOCK_8,
    }
)


def inception_v3(x):
    """Builds the stem and the eleven blocks of Inception-v3, with 2048
    channels.

    This is the network of `keras.applications`. Layers have torchvision's names
    with `_` instead of `.`: `Conv2d_1a_3x3_conv`, `Conv2d_1a_3x3_bn`,
    `Mixed_5b_branch5x5_2_conv`, ..., and `Mixed_5b` for the output of a block.

    This generator stops at its endpoints, see `Walk`: the end of every block,
    `Mixed_5b` .. `Mixed_7c`, and the end of every stage, before the image is
    halved: `relu2`, and after blocks 5d, 6e and 7c `relu3` .. `relu5`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`, height
            and width at least 75, values from -1 to 1.

    Returns:
        Feature map of stride 32 with 2048 channels.

    Reference:
        - [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), table 1
    """
    for row in STEM:
        if isinstance(row, str):
            if row == STEM[-1]:
                x = yield "relu2", x
            x = layers.MaxPooling2D(3, strides=2, name=row)(x)
        else:
            name, *convolution = row
            x = _convolution(x, *convolution, f"Conv2d_{name}")
    for name, branches in BLOCKS.items():
        x = _mixed(x, branches, f"Mixed_{name}")
        x = yield f"Mixed_{name}", x
        if name in STAGE_ENDS:
            x = yield f"relu{STAGE_ENDS[name]}", x
    return x


def _convolution(x, filters, kernel_size, strides, padding, name):
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = BatchNormalization(
        momentum=0.99, epsilon=1e-3, scale=False, name=f"{name}_bn"
    )(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _mixed(x, branches, name):
    halves = not branches["branch_pool"]
    outputs = []
    for branch, convolutions in branches.items():
        y = x
        if branch == "branch_pool":
            pool = f"{name}_pool"
            if halves:
                y = layers.MaxPooling2D(3, strides=2, name=pool)(y)
            else:
                y = layers.AveragePooling2D(
                    3, strides=1, padding="same", name=pool
                )(y)
        outputs.append(_branch(y, convolutions, halves, f"{name}_{branch}"))
    return layers.Concatenate(name=name)(outputs)


def _branch(x, convolutions, halves, name):
    for position, convolution in enumerate(convolutions, start=1):
        layer = name if len(convolutions) == 1 else f"{name}_{position}"
        if isinstance(convolution[0], tuple):
            return layers.Concatenate(name=name)(
                [
                    _convolution(x, filters, size, 1, "same", layer + letter)
                    for letter, (filters, *size) in zip("ab", convolution)
                ]
            )
        filters, *size = convolution
        strided = halves and position == len(convolutions)
        x = _convolution(
            x,
            filters,
            size,
            2 if strided else 1,
            "valid" if strided else "same",
            layer,
        )
    return x
