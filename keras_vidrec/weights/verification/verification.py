"""What a comparison with a published network tells."""

import dataclasses
import typing

import numpy as np
from keras import ops


class Difference(typing.NamedTuple):
    """How far two arrays are apart.

    Attributes:
        absolute: float. The largest difference of two of their numbers.
        relative: float. The same, divided by the largest number.
    """

    absolute: float
    relative: float

    @classmethod
    def between(cls, found, expected):
        """The difference of a tensor of Keras and one of PyTorch, of one
        shape."""
        found, expected = ops.convert_to_numpy(found), expected.numpy()
        if found.shape != expected.shape:
            raise ValueError(
                "Expected arrays of the same shape from a network and the "
                f"published one. Received: {found.shape}, {expected.shape}"
            )
        absolute = np.abs(found - expected).max()
        largest = np.abs(expected).max()
        # Zeros everywhere prove nothing.
        relative = absolute / largest if largest > 0 else np.inf
        return cls(float(absolute), float(relative))

    def __str__(self):
        return f"{self.absolute:.1e} ({self.relative:.1e} of the largest)"


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was compared, and how far apart it is.

    Attributes:
        network: str. The published network that was run in PyTorch.
        tower: str. Name of the tower that was run in Keras.
        image_shape: tuple `(batch, height, width, channels)` of the images
            that both saw.
        features: `Difference` of the last feature maps.
        logits: `Difference` of class scores; or `None` if the network or the
            checkpoint has no classifier, or one of another size.
    """

    network: str
    tower: str
    image_shape: tuple
    features: Difference
    logits: Difference | None

    def __str__(self):
        batch, height, width, channels = self.image_shape
        logits = f"logits by {self.logits}" if self.logits else "no logits"
        return (
            f"verified: {self.network} run in PyTorch and tower "
            f"{self.tower!r}, {batch} images of {height}x{width}x{channels}: "
            f"features differ by {self.features}, {logits}"
        )
