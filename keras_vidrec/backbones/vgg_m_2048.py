"""VGG-M-2048, the backbone of the first two-stream networks."""

import collections

from keras import layers

from keras_vidrec.layers.local_response_normalization import (
    LocalResponseNormalization,
)
from keras_vidrec.layers.spatial_pooling import CaffePooling

Stage = collections.namedtuple(
    "Stage", "filters kernel_size strides padding normalized pooled"
)
STAGES = (
    Stage(96, 7, 2, 0, normalized=True, pooled=True),
    Stage(256, 5, 2, 1, normalized=True, pooled=True),
    Stage(512, 3, 1, 1, normalized=False, pooled=False),
    Stage(512, 3, 1, 1, normalized=False, pooled=False),
    Stage(512, 3, 1, 1, normalized=False, pooled=True),
)


def vgg_m_2048(x, dropout):
    """Builds the five stages and two fully connected layers of VGG-M-2048.

    The fully connected layers are convolutions, 6x6 without padding and 1x1,
    so larger images give a map of features. Pooling rounds sizes up. Layers
    have the names of the Caffe release: `conv1`, `relu1`, `norm1`, `pool1`,
    ..., `conv5`, `relu5`, `pool5`, `fc6`, `relu6`, `drop6`, `fc7`, `relu7`.
    For inputs other than single images, that is, without exactly three
    channels, there is no `norm2`, as in the authors' temporal network.

    This generator stops at its endpoints, see `Walk`: the ends of the stages
    before their normalization and pooling, `relu1` .. `relu5`, and the fully
    connected layers after their ReLU, `fc6` and `fc7`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`, height
            and width at least 201: B G R colors 0..255 minus their mean, or
            flow minus 128.
        dropout: float. Fraction of fc6's outputs dropped in training.

    Returns:
        Feature map of stride 32 with 2048 channels, 1x1 at 224x224.

    Reference:
        - [Chatfield et al., 2014](https://arxiv.org/abs/1405.3531), table 1,
          CNN-M, and section III.D (fc7 of 2048)
    """
    is_image = x.shape[-1] == 3
    for number, stage in enumerate(STAGES, start=1):
        x = convolution(
            x,
            stage.filters,
            stage.kernel_size,
            stage.strides,
            stage.padding,
            f"conv{number}",
            f"relu{number}",
        )
        x = yield f"relu{number}", x
        if stage.normalized and (is_image or number != 2):
            x = LocalResponseNormalization(bias=2.0, name=f"norm{number}")(x)
        if stage.pooled:
            x = CaffePooling(3, 2, name=f"pool{number}")(x)
    x = convolution(x, 4096, 6, 1, 0, "fc6", "relu6")
    x = yield "fc6", x
    x = layers.Dropout(dropout, name="drop6")(x)
    x = convolution(x, 2048, 1, 1, 0, "fc7", "relu7")
    x = yield "fc7", x
    return x


def convolution(x, filters, kernel_size, strides, padding, name, relu):
    """Applies a convolution and ReLU, for both VGG networks."""
    if padding and strides > 1:
        # "same" would pad even images differently.
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same" if padding and strides == 1 else "valid",
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.Activation("relu", name=relu)(x)
