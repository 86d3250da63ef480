"""Published networks of one stream each, fused by one name."""

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
        name: str. What they are called together.
        streams: dict by modality of `Preset`.
        fusion_weights: `None` (the same), or dict by modality of numbers, as
            `applications.LateFusion` takes them.
        clip: dict. Changes to the `ClipSpec` of each, so that they see the
            same moments.
        test: `None` (their own, the same), or dict: the `TestProtocol` of
            all.
        figures: dict. As of `Preset`, of them together.
        note: `None`, or str: additional information.

    Raises:
        ValueError: on a value of another kind, or networks that do not fit
            each other.
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
        self.protocol  # refuses what it does not know  # noqa: B018

    @property
    def protocol(self) -> TestProtocol | None:
        """The test of all; `None` where it is their own."""
        return None if self.test is None else TestProtocol.from_dict(self.test)

    @property
    def first(self) -> presets.Preset:
        """One of them, which says what all have in common."""
        return next(iter(self.streams.values()))
