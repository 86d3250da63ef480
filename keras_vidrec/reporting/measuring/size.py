"""How large a network is."""

import dataclasses
import logging

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.reporting.measuring import multiply_adds
from keras_vidrec.reporting.measuring import noise

logger = logging.getLogger("keras_vidrec")


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a network is.

    Attributes:
        parameters: int. Trained or not.
        multiply_adds: int. For one clip, as `multiply_adds.count` counts.
        clip: dict of tuple of int by input: the shape of such a clip,
            `(num_segments, height, width, channels)`, or of features
            `(num_segments, features)`.
    """

    parameters: int
    multiply_adds: int
    clip: dict

    @property
    def clip_text(self) -> str:
        """The clip in words, such as `"3 x 224 x 224 x 3"`."""
        shapes = {
            name: " x ".join(map(str, shape))
            for name, shape in self.clip.items()
        }
        if len(shapes) == 1:
            return next(iter(shapes.values()))
        return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


def of(model, num_segments=None, size=None) -> Size:
    """The `Size` of a network up to its scores, without auxiliary outputs.

    Args:
        model: keras.Model of this package.
        num_segments, size: as of `noise.clips`.

    Raises:
        ValueError: as `noise.clips`.
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
    """As `of`, and `None`, which is logged, where that cannot be told."""
    try:
        return of(model)
    except ValueError as error:
        logger.warning("The size of the network is not told: %s", error)
        return None


def computing(model):
    """What computes the scores of clips in tests and predictions."""
    return head.clip_logits_model(head.inference_model(model))


def short(number) -> str:
    """A number in three digits: `"4.09 G"`, `"25.6 M"`."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)
