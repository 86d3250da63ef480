"""Published networks of one stream each, fused under one name."""

import dataclasses
import typing

from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact
from keras_vidrec.weights.presets import preset as presets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group(Fact):
    """Published networks of one stream each, fused before the softmax.

    Attributes:
        name: str. The name of the group.
        streams: dict from modalities to `Preset`.
        fusion_weights: `None` (equal weights), or dict from modalities to
            numbers; see `applications.LateFusion`.
        clip: dict. Changes to the `ClipSpec` of each network, so that all
            process the same moments.
        test: `None` (their own, which is the same), or dict: the
            `TestProtocol` of the group.
        figures: dict. The results of the fusion; see `Preset`.
        note: `None`, or str: additional information.

    Raises:
        ValueError: if a value is invalid, or networks do not fit each other.
    """

    WHAT: typing.ClassVar[str] = "a group of presets"

    name: str
    streams: dict
    fusion_weights: dict | None = None
    clip: dict = dataclasses.field(default_factory=dict)
    test: dict | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    note: str | None = None

    def __post_init__(self):
        owner = f" of the group {self.name}"
        presets.check_name(self.name, self.WHAT)
        checks.check(
            isinstance(self.streams, dict)
            and len(self.streams) > 1
            and all(
                preset.modality == modality and preset.application is not None
                for modality, preset in self.streams.items()
            ),
            "streams",
            "presets of networks of these streams",
            self.streams,
            owner,
        )
        for field in ("classes", "class_names", "split"):
            known = {getattr(one, field) for one in self.streams.values()}
            checks.check(
                len(known) == 1, "streams", f"one {field} of all", known, owner
            )
        weights = self.fusion_weights
        checks.check(
            weights is None or {*weights} == {*self.streams},
            "fusion_weights",
            "None or a number for each stream",
            weights,
            owner,
        )
        presets.check_figures(self.figures, owner)
        self.protocol  # raises an error for invalid values  # noqa: B018

    @property
    def protocol(self) -> TestProtocol | None:
        """The test of the group; `None` if the networks' own is used."""
        return None if self.test is None else TestProtocol.from_dict(self.test)

    @property
    def first(self) -> presets.Preset:
        """The first network, for properties that all have in common."""
        return next(iter(self.streams.values()))
