"""The form of an export: format, precision, and shapes of clips."""

import os
import typing

from keras_vidrec import export
from keras_vidrec.specs import checks

if typing.TYPE_CHECKING:
    import keras

# The precisions in which each format can be written.
PRECISIONS = {
    "saved_model": ("float32",),
    "onnx": ("float32", "float16", "int8"),
    "litert": ("float32", "float16", "int8"),
    "openvino": ("float32", "float16", "int8"),
    "torch": ("float32",),
}
_OPEN = "any batch; segments and size are open where the network leaves them so"
_STILL = "one clip at a time, in static shapes (fixed segments and size)"


class Target(typing.NamedTuple):
    """The kind of device an export is for.

    Args:
        still: bool. Whether the batch is 1 and all sizes are fixed.
        formats: tuple of str. The formats that the device can use.
        text: str. Description of the clips that the export takes.
    """

    still: bool
    formats: tuple
    text: str


TARGETS = {
    "server": Target(False, tuple(PRECISIONS), _OPEN),
    "phone": Target(True, ("litert", "onnx", "torch"), _STILL),
    "browser": Target(True, ("onnx", "litert"), _STILL),
}


class Form(typing.NamedTuple):
    """The form of an export.

    Args:
        format: str. A key of `PRECISIONS`.
        precision: str. `"float32"`, `"float16"` or `"int8"`.
        target: str. A key of `TARGETS`.
        max_loss: float. Percentage points of accuracy that a reduced precision
            may cost.
    """

    format: str
    precision: str = "float32"
    target: str = "server"
    max_loss: float = 1.0

    @property
    def still(self):
        """Whether the batch is 1 and all sizes are fixed."""
        return TARGETS[self.target].still

    @property
    def options(self):
        """Dict of the arguments of `export_<format>` that differ from their
        defaults."""
        options = {}
        if self.precision != "float32":
            options |= {"precision": self.precision, "max_loss": self.max_loss}
        if self.target != "server":
            options["target"] = self.target
        return options

    @property
    def suffix(self):
        """Suffix for the name of the directory: str, `""` for float32 on a
        server."""
        parts = [self.precision] * (self.precision != "float32")
        parts += [self.target] * (self.target != "server")
        return "".join(f"_{part}" for part in parts)

    def write(
        self,
        model: "keras.Model",
        path: str | os.PathLike[str],
        background: "export.Background | None" = None,
    ) -> float:
        """Exports a network in this form and compares it.

        Args:
            model, path, background: as for `export_saved_model`.

        Returns:
            float, the largest difference of a probability.

        Raises:
            ValueError, RuntimeError: as the function `export_<format>`.
        """
        exported = getattr(export, f"export_{self.format}")
        return exported(model, path, background=background, **self.options)


def checked_form(
    format: str,
    precision: str = "float32",
    target: str = "server",
    max_loss: float = 1.0,
) -> Form:
    """Checks the arguments of an export.

    Args:
        format: str. A key of `PRECISIONS`.
        precision: str. `"float32"`, `"float16"` or `"int8"`. Defaults to
            `"float32"`.
        target: str. A key of `TARGETS`. Defaults to `"server"`.
        max_loss: float in [0, 100]. Percentage points of accuracy that a
            reduced precision may cost. Defaults to `1.0`.

    Returns:
        `Form`.

    Raises:
        ValueError: if an argument has another value, or the format does not
            exist in this precision or for this target.
    """
    checks.choice("format", format, tuple(PRECISIONS))
    every = dict.fromkeys(x for one in PRECISIONS.values() for x in one)
    checks.choice("precision", precision, tuple(every))
    checks.choice("target", target, tuple(TARGETS))
    checks.number("max_loss", max_loss, low=0, high=100)
    checks.check(
        precision in PRECISIONS[format],
        "precision",
        f"{_listed(PRECISIONS[format])} of the format {format!r}; in "
        f"{precision} there are {_listed(_with(precision))}",
        precision,
    )
    checks.check(
        format in TARGETS[target].formats,
        "format",
        f"{_listed(TARGETS[target].formats)} for a {target}",
        format,
    )
    return Form(format, precision, target, float(max_loss))


def _with(precision: str) -> list[str]:
    return [name for name, one in PRECISIONS.items() if precision in one]


def _listed(names):
    return " or ".join(map(repr, names))
