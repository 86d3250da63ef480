"""VGG-16, the backbone of two-stream fusion."""

from keras import layers

from keras_vidrec.backbones.vgg_m_2048 import convolution
from keras_vidrec.layers.spatial_pooling import CaffePooling

# Filters of the convolutions of each stage.
STAGES = (
    (64, 64),
    (128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (512, 512, 512),
)


def vgg16(x, dropout):
    """Builds the five stages and two fully connected layers of VGG-16.

    The fully connected layers are convolutions, 7x7 without padding and 1x1,
    so larger images give a map of features. Pooling rounds sizes up. Layers
    have the names of the Caffe release: `conv1_1`, `relu1_1`, ...,
    `relu5_3`, `pool5`, `fc6`, `relu6`, `drop6`, `fc7`, `relu7`.

    This generator stops at its endpoints, see `Walk`: the ends of the stages
    before their pooling, `relu2` .. `relu5`, and the fully connected layers
    after their ReLU, `fc6` and `fc7`.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`, height
            and width at least 193: B G R colors 0..255 minus their mean, or
            flow minus 128.
        dropout: float. Fraction of fc6's outputs dropped in training.

    Returns:
        Feature map of stride 32 with 4096 channels, 1x1 at 224x224.

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556),
          table 1, configuration D
    """
    for stage, widths in enumerate(STAGES, start=1):
        for position, filters in enumerate(widths, start=1):
            role = f"{stage}_{position}"
            x = convolution(x, filters, 3, 1, 1, f"conv{role}", f"relu{role}")
        if stage > 1:
            x = yield f"relu{stage}", x
        x = CaffePooling(2, 2, name=f"pool{stage}")(x)
    x = convolution(x, 4096, 7, 1, 0, "fc6", "relu6")
    x = yield "fc6", x
    x = layers.Dropout(dropout, name="drop6")(x)
    x = convolution(x, 4096, 1, 1, 0, "fc7", "relu7")
    x = yield "fc7", x
    return x
