"""How training crops are drawn, by the names of those who published them."""

import dataclasses
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact

# TSN, section 3.2, and its authors' `multi_scale_crop`: of a frame whose
# shorter side has 256 pixels, 256, 224, 192 and 168. For motion their programs
# leave the smallest out.
RGB_CROP_SCALES = (1.0, 0.875, 0.75, 0.66)
MOTION_CROP_SCALES = (1.0, 0.875, 0.75)

# By policy: its numbers. What a policy does not have is no field of it.
CROPS = {
    # TSN's programs (`caffe`, data_transformer.cpp: `fix_crop`,
    # `more_fix_crop`, `max_distort`): height and width are neighbors in the
    # list of scales or equal, at 13 places. Scales: of the modalities.
    "tsn": {"scales": None, "max_distort": 1, "places": 13},
    # Two-stream fusion's programs, `multiScaleRegular` (cnn_ucf101_temporal.m),
    # and the text of TSN, section 3.2: height and width are drawn apart, 16
    # pairs, at the 4 corners and the center.
    "multi_scale_regular": {
        "scales": RGB_CROP_SCALES,
        "max_distort": 3,
        "places": 5,
    },
    # Two-stream fusion's programs (cnn_ucf101_get_im_flow_batch.m, `noCtr`):
    # sides of 224 pixels and up to 25 % less or more, drawn apart, of a frame
    # of 256 x 340; within a quarter of the room of two corners. Section 3.5 of
    # the paper tells of the 25 %.
    "jitter25": {"sides": (0.75 * 224 / 256, 1.25 * 224 / 256), "border": 0.25},
    # Inception's, in TS-LSTM's programs (`RandomSizedCrop`).
    "inception": {"area": (0.08, 1.0), "ratio": (3 / 4, 4 / 3)},
    # The largest square in the middle.
    "center": {},
}

_OWNER = " of the crops"


def _is_pair(values, high=None):
    return (
        isinstance(values, tuple)
        and len(values) == 2
        and all(map(checks.is_number, values))
        and 0 < values[0] <= values[1]
        and (high is None or values[1] <= high)
    )


@dataclasses.dataclass(frozen=True)
class CropSpec(Fact):
    """How the crop of a training clip is drawn, in shares of the frame: the
    same part of the picture whatever the size of frames and of crops.

    A number that is left `None` is that of the policy, as published; one that
    the policy does not have stays `None`.

    Args:
        policy: str. `"tsn"`: scales of which height and width take neighbors,
            at 13 places (TSN's programs); `"multi_scale_regular"`: sides drawn
            apart, at the corners and the center (the fusion authors'
            programs); `"jitter25"`: sides 25 % less to 25 % more, drawn apart,
            near two corners (theirs); `"inception"`: area and ratio drawn;
            `"center"`: the largest square in the middle. Defaults to `"tsn"`.
        scales: tuple of float in (0, 1]. Sides, relative to the shorter side
            of the frame, of the first two policies. Of `"tsn"` left `None` a
            `ClipSpec` fills in those of its modalities.
        max_distort: int. How far apart in `scales` height and width may be.
        places: int. 13 or 5.
        sides: pair of float `(low, high)`. Sides of `"jitter25"`, relative to
            the shorter side of the frame; never more than the frame has.
        border: float in (0, 0.5]. How far from a corner they are, as a share
            of the room left.
        area: pair of float in (0, 1]: share of the frame's area, of
            `"inception"`.
        ratio: pair of float: width to height.

    Raises:
        ValueError: on any other value, or a number that the policy lacks.
    """

    WHAT: typing.ClassVar[str] = "the crops"

    policy: str = "tsn"
    scales: tuple | None = None
    max_distort: int | None = None
    places: int | None = None
    sides: tuple | None = None
    border: float | None = None
    area: tuple | None = None
    ratio: tuple | None = None

    def __post_init__(self):
        checks.choice("policy", self.policy, tuple(CROPS), _OWNER)
        published = CROPS[self.policy]
        for field in dataclasses.fields(self)[1:]:
            name, value = field.name, getattr(self, field.name)
            if isinstance(value, list):
                value = tuple(value)
            if value is not None and name not in published:
                raise checks.ArgumentError(
                    name,
                    f"one of {tuple(published)}, the numbers of "
                    f"policy={self.policy!r}",
                    value,
                    _OWNER,
                )
            if value is None:
                value = published.get(name)
            if value is not None:
                fits, expected = _NUMBERS[name]
                checks.check(fits(value), name, expected, value, _OWNER)
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, value):
        """The crops that a policy's name, a mapping of fields or a `CropSpec`
        tells of."""
        if isinstance(value, str):
            return cls(value)
        return cls.from_dict(value) if isinstance(value, dict) else value


_NUMBERS = {
    "scales": (
        lambda v: (
            isinstance(v, tuple)
            and v != ()
            and all(checks.is_number(x) and 0 < x <= 1 for x in v)
        ),
        "a tuple of numbers in (0, 1]",
    ),
    "max_distort": (
        lambda v: checks.is_integer(v) and v >= 0,
        "a non-negative integer",
    ),
    "places": (lambda v: checks.is_integer(v) and v in (5, 13), "5 or 13"),
    "sides": (_is_pair, "a pair of rising positive numbers"),
    "border": (
        lambda v: checks.is_number(v) and 0 < v <= 0.5,
        "a number in (0, 0.5]",
    ),
    "area": (
        lambda v: _is_pair(v, high=1),
        "a pair of rising numbers in (0, 1]",
    ),
    "ratio": (_is_pair, "a pair of rising positive numbers"),
}
