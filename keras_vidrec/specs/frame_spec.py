"""The sampling and the size of frames."""

import dataclasses
import re
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact

INTERPOLATIONS = ("area", "bilinear")
DEINTERLACING = (None, "yadif", "bob")

_SIZE = re.compile(
    r"short(?P<short>[1-9]\d*)|(?P<width>[1-9]\d*)x(?P<height>[1-9]\d*)"
)
_OWNER = " of frames"


@dataclasses.dataclass(frozen=True)
class FrameSpec(Fact):
    """How frames of a video are sampled and resized, before any other step:
    crops are fractions of the resized frame, and flow is computed on it.

    It is a part of the `ClipSpec` of a network, and is stored with a prepared
    dataset. Frames that already have the right size are not changed.

    Args:
        size: str. `"shortN"`: the shorter side becomes N pixels, the longer one
            keeps the aspect ratio, rounded; `"WIDTHxHEIGHT"`: exactly that
            size, whatever the aspect (TSN's programs: `"340x256"`). Defaults to
            `"short256"`.
        interpolation: str. `"area"`: the mean over areas if frames shrink,
            bilinear if they grow; if one side shrinks and the other grows, the
            shrinking side is resized first, then the growing one, each by its
            method. `"bilinear"`: always bilinear, without antialiasing.
            Defaults to `"area"`.
        fps: `None` (every frame), or float > 0. Frames per second to sample.
            Defaults to `None`.
        deinterlace: `None` (frames as decoded), `"yadif"` (a frame for each
            frame) or `"bob"` (a frame for each field). Defaults to `None`.

    Raises:
        ValueError: on any other value.
    """

    WHAT: typing.ClassVar[str] = "frames"

    size: str = "short256"
    interpolation: str = "area"
    fps: float | None = None
    deinterlace: str | None = None

    def __post_init__(self):
        checks.check(
            isinstance(self.size, str) and _SIZE.fullmatch(self.size),
            "size",
            'the size of frames, "shortN" such as "short256" (the shorter '
            'side, aspect kept) or "WIDTHxHEIGHT" such as "340x256"',
            self.size,
            _OWNER,
        )
        checks.choice(
            "interpolation", self.interpolation, INTERPOLATIONS, _OWNER
        )
        if self.fps is not None:
            checks.positive("fps", self.fps, _OWNER)
            object.__setattr__(self, "fps", float(self.fps))
        checks.choice("deinterlace", self.deinterlace, DEINTERLACING, _OWNER)

    @property
    def _match(self):
        return typing.cast(re.Match, _SIZE.fullmatch(self.size))

    @property
    def keeps_aspect(self) -> bool:
        """Whether resizing keeps the aspect ratio."""
        return self._match["short"] is not None

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side of the resized frames."""
        match = self._match
        sides = match["short"], match["width"], match["height"]
        return min(int(side) for side in sides if side is not None)

    def of(self, height: int, width: int) -> tuple[int, int]:
        """Returns the size `(height, width)` of frames after resizing, from
        their original height and width in pixels.

        Raises:
            ValueError: if the original frames have no pixels.
        """
        if height < 1 or width < 1:
            raise ValueError(
                "Expected frames of at least one pixel. Received: "
                f"{height}x{width} (height x width)"
            )
        if self.keeps_aspect:
            base, short = min(height, width), self.short_side
            height, width = (
                max(round(side * short / base), 1) for side in (height, width)
            )
            return height, width
        match = self._match
        return int(match["height"]), int(match["width"])

    def scaled(self, factor: float) -> typing.Self:
        """Returns a copy whose size is multiplied by `factor`, rounded to whole
        pixels."""
        match = self._match
        short, *sides = (
            side and str(max(round(int(side) * factor), 1))
            for side in match.group("short", "width", "height")
        )
        return self.replace(size=f"short{short}" if short else "x".join(sides))
