"""The arrays of a checkpoint by the layers of a network."""

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
    """The arrays of a checkpoint by the names of this package.

    Attributes:
        scheme: str. The scheme of the names in the checkpoint, such as
            `"torchvision"`.
        pieces: dict from `Slot` to `Piece`.
        scaling: dict from modalities (`"rgb"`, `"flow"`, `"rgb_diff"`) to
            `backbones.PixelScaling`: the pixel scaling of the author.
        zero_biases: tuple of `Slot`. Biases of the backbone that the author's
            network does not have; they are set to 0. Defaults to `()`.
        ignored: dict from names of tensors that no network needs to the
            reason. Defaults to `{}`.
        unknown: tuple of str. Names of tensors that are not in the backbone.
            Defaults to `()`.
    """

    scheme: str
    pieces: dict
    scaling: dict
    zero_biases: tuple = ()
    ignored: dict = dataclasses.field(default_factory=dict)
    unknown: tuple = ()
