"""The size of a network: parameters and multiply-adds."""

import dataclasses
import logging

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.reporting.measuring import multiply_adds
from keras_vidrec.reporting.measuring import noise

logger = logging.getLogger("keras_vidrec")


@dataclasses.dataclass(frozen=True)
class Size:
    """The size of a network.

    Attributes:
        parameters: int. Number of parameters, trainable or not.
        multiply_adds: int. For one clip, see `multiply_adds.count`.
        clip: dict of tuple of int by input: the shape of this clip,
            `(num_segments, height, width, channels)`, or `(num_segments,
            features)`.
    """

    parameters: int
    multiply_adds: int
    clip: dict

    @property
    def clip_text(self) -> str:
        """The shape of the clip as text, such as `"3 x 224 x 224 x 3"`."""
        shapes = {
            name: " x ".join(map(str, shape))
            for name, shape in self.clip.items()
        }
        if len(shapes) == 1:
            return next(iter(shapes.values()))
        return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


def of(model, num_segments=None, size=None) -> Size:
    """Returns the size of a network up to its scores, without auxiliary
    outputs.

    Args:
        model: keras.Model of this package.
        num_segments, size: see `noise.clips`.

    Raises:
        ValueError: as `noise.clips` and `multiply_adds.count`.
    """
    clip = noise.clips(model, 1, num_segments, size)
    network = computing(model)
    tensors = keras.tree.flatten(model.input)
    shapes = {
        tensor.name: tuple(one.shape[1:])
        for tensor, one in zip(tensors, keras.tree.flatten(clip))
    }
    return Size(
        network.count_params(), multiply_adds.count(network, clip), shapes
    )


def of_known(model) -> Size | None:
    """Returns the size of a network, or `None`, with a warning, if it cannot
    be counted."""
    try:
        return of(model)
    except ValueError as error:
        logger.warning("The size of the network is not known: %s", error)
        return None


def computing(model):
    """Returns the network that computes logits of clips, without auxiliary
    outputs."""
    return head.clip_logits_model(head.inference_model(model))


def short(number: float) -> str:
    """Returns a number with three digits and a unit: `"4.09 G"`, `"25.6 M"`."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)
