"""From raw pixels to what a backbone was trained on, inside a network."""

from keras_vidrec import backbones
from keras_vidrec.layers.pixel_normalization import PixelNormalization


def preprocess(clips, backbone, modality, style=None, name="preprocessing"):
    """Scales the pixels of clips as a backbone wants them.

    Args:
        clips: KerasTensor `(..., height, width, channels)` of 0..255.
        backbone: str or `keras.Model`, as `backbones.get` takes it.
        modality: str. One of `clip_spec.MODALITIES`.
        style: str or `None`, as `backbones.get` takes it. Defaults to `None`.
        name: str. Name of the layer. Defaults to `"preprocessing"`.

    Returns:
        KerasTensor of the same shape; `clips` where pixels go in as they are.
    """
    scaling = backbones.preprocessing(backbone, modality, style)
    if scaling is None:
        return clips
    return PixelNormalization(
        scaling.mean, scaling.std, scaling.channel_order, name=name
    )(clips)
