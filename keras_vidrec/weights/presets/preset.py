"""A published network and its weights file."""

import dataclasses
import os
import pathlib
import re
import typing

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact
from keras_vidrec.weights import downloads
from keras_vidrec.weights.presets import class_names
from keras_vidrec.weights.published import packages

FORMATS = ("pytorch", "safetensors", "caffe", "matconvnet", "keras")
NOT_TRIED = "address not tried"

_NAME = re.compile(r"[a-z][a-z0-9_]+")
_SEEN = re.compile(r"seen on \d{4}-\d\d-\d\d")
_FIGURES = ("top1", "top5")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset(Fact):
    """A published network: its arguments, and where its weights file is.

    Attributes:
        name: str. The name in this package.
        application: `None`, or str: the builder of the network in
            `keras_vidrec.applications`. `None` for the weights of a backbone.
        arguments: dict. The builder's arguments without `classes`; for a
            backbone its name `backbone`, its `modality` and, for motion, the
            `snippet_length`.
        classes: `None`, or int: number of classes. `None` for a backbone.
        class_names: `None` (not known), or str: see `class_names.read`.
        file: str. Name of the file.
        addresses: tuple of str. Its addresses, in the order to try; empty if
            the file is in a `package`.
        package: `None`, or str: the Python package with the file, a key of
            `packages.PACKAGES`.
        member: `None`, or str: the name of the file in the zip archive at the
            addresses.
        size: `None`, or int: bytes of the file.
        megabytes: `None`, or number of 2^20 bytes, published or computed from
            the weights.
        sha256: `None`, or str: that of the file, or its first 8 or more digits.
        md5: `None`, or str: that of the file.
        format: str. Format of the file, one of `FORMATS`.
        scheme: str. The scheme of the tensors' names; see
            `ImportReport.scheme`.
        allow_unused: tuple of str. Tensors to leave out; see `weights.convert`.
        pixels: `None` (stored in the file), or dict of `mean`, `std` and
            `order`: the pixel scaling in the authors' training.
        clip: dict. Changes to the `ClipSpec` that the builder makes.
        test: `None` (the builder's), or dict: `TestProtocol` of the authors.
        figures: dict. The authors' results in percent, by `"top1"` and
            `"top5"`.
        data: str. The data set it was trained on.
        split: `None`, or int: the split of the data set.
        source: str. The publisher.
        license: str. The license of the code that it was published with.
        state: str. `"address not tried"`, or `"seen on 2026-11-30"`.
        note: `None`, or str: additional information.

    Raises:
        ValueError: if a value is invalid.
    """

    WHAT: typing.ClassVar[str] = "a preset"

    name: str
    application: str | None = None
    arguments: dict = dataclasses.field(default_factory=dict)
    classes: int | None = None
    class_names: str | None = None
    file: str
    addresses: tuple = ()
    package: str | None = None
    member: str | None = None
    size: int | None = None
    megabytes: float | None = None
    sha256: str | None = None
    md5: str | None = None
    format: str
    scheme: str
    allow_unused: tuple = ()
    pixels: dict | None = None
    clip: dict = dataclasses.field(default_factory=dict)
    test: dict | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    data: str
    split: int | None = None
    source: str
    license: str
    state: str = NOT_TRIED
    note: str | None = None

    def __post_init__(self):
        owner = self._owner
        check_name(self.name, self.WHAT)
        for name in ("file", "scheme", "data", "source", "license"):
            value = getattr(self, name)
            checks.check(
                isinstance(value, str) and value, name, "a text", value, owner
            )
        for name in ("application", "class_names", "package", "note"):
            value = getattr(self, name)
            is_text = value is None or isinstance(value, str) and value
            checks.check(is_text, name, "None or a text", value, owner)
        for name in ("arguments", "clip"):
            value = getattr(self, name)
            checks.check(isinstance(value, dict), name, "a dict", value, owner)
        checks.choice("format", self.format, FORMATS, owner)
        for name in ("classes", "split", "size"):
            value = getattr(self, name)
            if value is not None:
                checks.count(name, value, owner=owner)
        if self.megabytes is not None:
            checks.positive("megabytes", self.megabytes, owner)
        checks.check(
            (self.application is None) == (self.classes is None),
            "classes",
            "their number for an application, None for a backbone",
            self.classes,
            owner,
        )
        if self.application is None:
            self._check_backbone()
        checks.check(
            self.state == NOT_TRIED or _SEEN.fullmatch(str(self.state)),
            "state",
            f"{NOT_TRIED!r} or 'seen on YEAR-MONTH-DAY'",
            self.state,
            owner,
        )
        check_figures(self.figures, owner)
        self._check_where()
        if self.class_names is not None:
            found = len(class_names.read(self.class_names))
            expected = f"a list of {self.classes} names"
            fits = found == self.classes
            checks.check(fits, "class_names", expected, self.class_names, owner)
        # These properties raise errors for invalid values.
        self.scaling, self.protocol, self.published_file  # noqa: B018

    @property
    def _owner(self):
        return f" of the preset {self.name}"

    @property
    def scaling(self) -> PixelScaling | None:
        """The pixel scaling in training; `None` if it is in the file."""
        if self.pixels is None:
            return None
        checks.fields(("mean", "std", "order"), self.pixels, "pixels")
        return PixelScaling(
            _floats(self.pixels.get("mean", 1)),
            _floats(self.pixels.get("std", 1)),
            self.pixels.get("order", "rgb"),
        )

    @property
    def protocol(self) -> TestProtocol | None:
        """The test of its authors; `None` if the builder's is used."""
        return None if self.test is None else TestProtocol.from_dict(self.test)

    @property
    def modality(self) -> str | None:
        """The modality; `None` for networks of several streams."""
        return self.arguments.get("modality")

    @property
    def published_file(self) -> downloads.PublishedFile:
        """The `PublishedFile` of the weights."""
        return downloads.PublishedFile(
            self.file,
            self.addresses,
            self.size,
            self.sha256,
            self.md5,
            self.member,
        )

    def clip_spec(self, built: ClipSpec) -> ClipSpec:
        """Returns the `ClipSpec` of the builder with the authors' changes."""
        return built.changed(self.clip)

    def names(self) -> tuple | None:
        """Returns the names of its classes in order; `None` if not known."""
        known = self.class_names
        return None if known is None else class_names.read(known)

    def find(self) -> pathlib.Path | None:
        """Returns its verified file if it is on this machine, in a package or
        in the cache; else `None`."""
        if self.package is not None:
            return packages.find(self.package)
        return downloads.find(self.published_file)

    def fetch(
        self,
        file: str | os.PathLike[str] | None = None,
        trust_first_download: bool = False,
        **instead: typing.Any,
    ) -> pathlib.Path:
        """Returns its verified file, which is downloaded if needed.

        Args:
            file: `None`, or path of a file that the user already has. Defaults
                to `None`.
            trust_first_download: bool. Whether to accept a file without a
                published hash. Defaults to `False`.
            **instead: see `downloads.fetch`.

        Returns:
            Path of the file.

        Raises:
            ValueError, OSError: see `downloads.fetch`.
            ImportError: with the command that installs the package with the
                file.
        """
        if self.package is None or file is not None:
            return downloads.fetch(
                self.published_file,
                file=file,
                trust_first_download=trust_first_download,
                **instead,
            )
        path = self.find()
        if path is None:
            raise ImportError(
                f"The weights of {self.name}, "
                f"{self.published_file.description}, come with the package "
                f"{self.package}: `{checks.how_to_install(packages.EXTRA)}`,"
                " or pass the file with `file` (--file PATH)"
            )
        return path

    def fetch_by_name(self) -> pathlib.Path:
        """Returns its file like `fetch()`, for users who can only give a name,
        as in a recipe.

        Raises:
            ValueError: see `fetch`; it names commands with more arguments.
        """
        name = f"preset:{self.name}"
        instead = (
            f"`vidrec import-weights {name} --file PATH --out start.keras`"
        )
        try:
            return self.fetch(instead=f"{instead}, and take start.keras")
        except checks.ArgumentError as error:
            raise ValueError(
                f"{error}. `vidrec presets {self.name} --fetch "
                "--trust-first-download` does it"
            ) from None

    def _check_backbone(self):
        known = {"backbone", "modality", "snippet_length"}
        checks.check(
            {"backbone", "modality"} <= self.arguments.keys() <= known,
            "arguments",
            "backbone, modality and, for motion, snippet_length",
            self.arguments,
            self._owner,
        )
        for name in ("clip", "test"):
            value = getattr(self, name)
            checks.check(
                not value, name, "none for a backbone", value, self._owner
            )

    def _check_where(self):
        checks.check(
            bool(self.addresses) == (self.package is None),
            "addresses",
            "addresses, or a package",
            self.addresses,
            self._owner,
        )
        if self.package is not None:
            checks.choice(
                "package", self.package, tuple(packages.PACKAGES), self._owner
            )


def check_name(name: typing.Any, what: str) -> None:
    """Refuses a name that could be mistaken for a path or an address."""
    checks.check(
        isinstance(name, str) and _NAME.fullmatch(name),
        "name",
        "lower-case letters, digits and underscores",
        name,
        f" of {what}",
    )


def check_figures(figures: typing.Any, owner: str) -> None:
    """Checks for a dict of percentages, by names of `_FIGURES`."""
    checks.check(
        isinstance(figures, dict)
        and all(
            kind in _FIGURES and checks.is_number(value) and 0 < value < 100
            for kind, value in figures.items()
        ),
        "figures",
        f"a dict of percents by {_FIGURES}",
        figures,
        owner,
    )


def _floats(value):
    if isinstance(value, (list, tuple)):
        return tuple(map(float, value))
    return float(value)
