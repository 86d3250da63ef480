"""How the authors of published weights name things."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A row of `table.SCHEMES`.

    Attributes:
        name: str, such as `"torchvision"`.
        formats: tuple of str. Values of `Checkpoint.format` it comes in.
        backbones: tuple of str. Keys of `backbones.BACKBONES` it has names
            for.
        translate: callable from a `Checkpoint` and the name of a backbone to a
            `Translation`. It reads names and shapes only, and knows nothing
            of a model; where the names are another scheme's, the translation
            has no pieces.
    """

    name: str
    formats: tuple
    backbones: tuple
    translate: typing.Callable
