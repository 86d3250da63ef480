"""The result of importing a checkpoint."""

import collections
import dataclasses

_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """The result of importing a checkpoint, by the names of its tensors.

    Attributes:
        format: str. Format of the file, such as `"pytorch"`.
        scheme: str. The library or author whose names the tensors have, such as
            `"torchvision"`.
        loaded: tuple of str. Tensors that were loaded.
        zero_biases: tuple of str. Layers of the model whose biases are set to
            0, because the source has none. Defaults to `()`.
        inflated: tuple of str. First convolutions that were converted to the
            channels of motion, with the conversion. Defaults to `()`.
        ignored: dict from tensors that no network needs to the reason.
            Defaults to `{}`.
        left_out: dict from tensors that this model does not use to the reason.
            Defaults to `{}`.
        kept: tuple of str. Layers of the model that keep their weights.
            Defaults to `()`.
        pixels: dict from modalities to the pixel scaling of the weights, and
            the layer that applies it. Defaults to `{}`.
    """

    format: str
    scheme: str
    loaded: tuple
    zero_biases: tuple = ()
    inflated: tuple = ()
    ignored: dict = dataclasses.field(default_factory=dict)
    left_out: dict = dataclasses.field(default_factory=dict)
    kept: tuple = ()
    pixels: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        lines = [
            f"{len(self.loaded)} tensors loaded ({self.scheme} names, "
            f"{self.format} file)"
        ]
        if self.zero_biases:
            lines.append(
                f"{len(self.zero_biases)} biases set to zero (the source has "
                "none)"
            )
        if self.inflated:
            lines.append(f"inflated: {', '.join(self.inflated)}")
        if self.kept:
            lines.append(f"kept as they were: {_shortened(self.kept)}")
        for title, tensors in (
            ("left out", self.left_out),
            ("ignored", self.ignored),
        ):
            by_reason = collections.defaultdict(list)
            for name, reason in tensors.items():
                by_reason[reason].append(name)
            for reason, names in by_reason.items():
                lines.append(
                    f"{title}, {len(names)}: {_shortened(names)} ({reason})"
                )
        for modality, text in self.pixels.items():
            lines.append(f"pixels of {modality}: {text}")
        return "\n".join(lines)


def _shortened(names):
    """Returns the first names as text, and the number of the others."""
    names = list(names)
    text = ", ".join(names[:_SHOWN])
    if len(names) > _SHOWN:
        text += f" and {len(names) - _SHOWN} more"
    return text
