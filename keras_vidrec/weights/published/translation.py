"""The arrays of a checkpoint, each with its place in a network."""

import dataclasses
import typing


class Piece(typing.NamedTuple):
    """An array for a slot.

    Attributes:
        source: str. Name of the tensor it was made from.
        array: float array in the layout of Keras: kernels `(height, width,
            channels, filters)`, `(features, classes)`.
    """

    source: str
    array: typing.Any


@dataclasses.dataclass(frozen=True)
class Translation:
    """The arrays of a checkpoint in the words of this package.

    Attributes:
        scheme: str. How the checkpoint's author names things, such as
            `"torchvision"`.
        pieces: dict of `Piece` by `Slot`.
        scaling: dict of `backbones.PixelScaling` by modality (`"rgb"`,
            `"flow"`, `"rgb_diff"`): the pixels that the author trained on.
        zero_biases: tuple of `Slot`. Biases that the backbone has and the
            author's network has not: they are 0. Defaults to `()`.
        ignored: dict from names of tensors that no network needs to the
            reason. Defaults to none.
        unknown: tuple of str. Names of tensors that have no place in the
            backbone. Defaults to `()`.
    """

    scheme: str
    pieces: dict
    scaling: dict
    zero_biases: tuple = ()
    ignored: dict = dataclasses.field(default_factory=dict)
    unknown: tuple = ()
