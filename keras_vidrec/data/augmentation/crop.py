"""Random crops of training clips, by the policies of the papers."""

import collections.abc
import dataclasses
import math

import numpy as np

from keras_vidrec.data.augmentation.step import Numbered
from keras_vidrec.data.clips import regions
from keras_vidrec.data.clips.regions import Region
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks

# TSN, section 3.2, and its authors' `multi_scale_crop`: 256, 224, 192 and 168
# pixels of a frame whose shorter side has 256. For motion their programs do not
# use the smallest.
RGB_CROP_SCALES = (1.0, 0.875, 0.75, 0.66)
MOTION_CROP_SCALES = (1.0, 0.875, 0.75)

CROPS: dict[str, dict] = {
    # TSN's programs (`caffe`, data_transformer.cpp: `fix_crop`,
    # `more_fix_crop`, `max_distort`): height and width are neighbors in the
    # list of scales or equal, at 13 positions. `None`: the scales depend on the
    # modalities.
    "tsn": {"scales": None, "max_distort": 1, "places": 13},
    # Two-stream fusion's programs, `multiScaleRegular` (cnn_ucf101_temporal.m),
    # and the text of TSN, section 3.2: height and width are drawn
    # independently, 16 pairs, at the 4 corners and the center.
    "multi_scale_regular": {
        "scales": RGB_CROP_SCALES,
        "max_distort": 3,
        "places": 5,
    },
    # Two-stream fusion's programs (cnn_ucf101_get_im_flow_batch.m, `noCtr`):
    # in a frame of 256 x 340, sides of 224 pixels and up to 25 % less or more,
    # drawn independently; the offset from one of two corners is at most a
    # quarter of the space left. Section 3.5 of the paper states the 25 %.
    "jitter25": {"sides": (0.75 * 224 / 256, 1.25 * 224 / 256), "border": 0.25},
    # Inception's, in TS-LSTM's programs (`RandomSizedCrop`).
    "inception": {"area": (0.08, 1.0), "ratio": (3 / 4, 4 / 3)},
    # The largest square in the middle.
    "center": {},
}
"""dict from the policies of `Crop` to their fields and published values."""

# (rows, columns), in quarters of the space that a crop leaves in the frame: the
# corners and the center, then the eight positions between them, in the order
# of the TSN authors' programs.
_POSITIONS = (
    (0, 0),
    (0, 4),
    (4, 0),
    (4, 4),
    (2, 2),
    (2, 0),
    (2, 4),
    (4, 2),
    (0, 2),
    (1, 1),
    (1, 3),
    (3, 1),
    (3, 3),
)

_OWNER = " of crop"


@dataclasses.dataclass(frozen=True)
class Crop(Numbered):
    """Crops a random part of a training clip, in fractions of the frame, so
    that the size of frames does not matter. It is the first step of every
    augmentation and makes images of the network's size. Flow vectors keep their
    length, as in the authors' code.

    A number that is `None` takes the published value of the policy. A number
    that the policy does not use must be `None`, and stays so.

    Args:
        policy: str. `"tsn"`: height and width are equal or neighbors in
            `scales`, at 13 positions (TSN's programs);
            `"multi_scale_regular"`: height and width drawn independently, at
            the corners and the center (the fusion authors' programs);
            `"jitter25"`: sides 25 % less to 25 % more, drawn independently,
            near two corners (the same programs); `"inception"`: area and ratio
            drawn; `"center"`: the largest square in the middle. Defaults to
            `"tsn"`.
        scales: tuple of float in (0, 1]. Sides of the crops of the first two
            policies, relative to the shorter side of the frame. `None` with
            `"tsn"` means `RGB_CROP_SCALES` for rgb alone, and
            `MOTION_CROP_SCALES` otherwise.
        max_distort: int. The largest difference between the indices of height
            and width in `scales`, in the first two policies.
        places: int. Number of positions in the first two policies, 13 or 5.
        sides: pair of float `(low, high)`. Range of the sides of `"jitter25"`,
            relative to the shorter side of the frame; limited to the frame.
        border: float in (0, 0.5]. The largest offset of a `"jitter25"` crop
            from its corner, as a share of the space left in the frame.
        area: pair of float in (0, 1]. Range of the area of an `"inception"`
            crop, as a share of the frame.
        ratio: pair of float. Range of width / height of an `"inception"` crop.

    Raises:
        ValueError: on any other value, or a number that the policy does not
            use.
    """

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

    def get_config(self) -> dict:
        """The policy, and the numbers that differ from the published ones."""
        published = CROPS[self.policy]
        return {
            name: value
            for name, value in super().get_config().items()
            if value != _listed(published.get(name))
        }

    def draw(
        self, rng: np.random.Generator, height: int, width: int, spec: ClipSpec
    ) -> Region:
        """Draws the crop of a clip.

        Args:
            rng: `np.random.Generator`.
            height, width: int. Size of the resized frame in pixels.
            spec: `ClipSpec`. Its `size` is the size to which the crop will be
                resized; its `modalities` may determine the scales.

        Returns:
            `clips.regions.Region`.

        Raises:
            ValueError: on an empty frame.
        """
        regions.check_room(height, width, 1, 1)
        return _DRAWN[self.policy](self, height, width, spec, rng)

    def scales_of(
        self, modalities: collections.abc.Sequence[str]
    ) -> collections.abc.Sequence[float]:
        """The scales for clips of these modalities: `scales`, or the published
        ones of `"tsn"`."""
        if self.scales is not None:
            return self.scales
        still = tuple(modalities) == ("rgb",)
        return RGB_CROP_SCALES if still else MOTION_CROP_SCALES


def _listed(value):
    return list(value) if isinstance(value, tuple) else value


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
    "sides": (checks.is_rising_pair, "a pair of rising positive numbers"),
    "border": (
        lambda v: checks.is_number(v) and 0 < v <= 0.5,
        "a number in (0, 0.5]",
    ),
    "area": (
        lambda v: checks.is_rising_pair(v, high=1),
        "a pair of rising numbers in (0, 1]",
    ),
    "ratio": (checks.is_rising_pair, "a pair of rising positive numbers"),
}


def crop_sizes(
    height: int,
    width: int,
    size: int,
    scales: collections.abc.Sequence[float],
    max_distort: int = 1,
) -> list[tuple[int, int]]:
    """Returns the sizes `(height, width)` of the multi-scale crops of a frame
    (TSN, section 3.2): 10 for 4 scales, 7 for 3; 16 for 4 with `max_distort=3`.

    Args:
        height, width: int. Size of the frame in pixels.
        size: int. Size to which crops will be resized. As in TSN's programs, a
            side that differs from it by at most 2 pixels in a frame of 256 (in
            proportion in others) becomes `size` if the frame is large enough,
            so that it need not be resized.
        scales: sequence of float in (0, 1]. A side is
            `int(min(height, width) * scale)`.
        max_distort: int. Height and width are combined if their indices in
            `scales` differ by at most this. Defaults to `1`.

    Raises:
        ValueError: on an empty frame or a scale outside (0, 1].
    """
    base = min(height, width)
    if base < 1 or not scales or not all(0 < scale <= 1 for scale in scales):
        raise ValueError(
            "Invalid multi-scale crops. Expected a frame of at least one pixel "
            "and scales in (0, 1]. "
            f"Received: height={height}, width={width}, scales={scales}"
        )
    sides = [max(int(base * scale), 1) for scale in scales]
    sides = [
        size if 256 * abs(side - size) < 3 * base and size <= base else side
        for side in sides
    ]
    return [
        (rows, columns)
        for i, rows in enumerate(sides)
        for j, columns in enumerate(sides)
        if abs(i - j) <= max_distort
    ]


def fixed_positions(
    height: int, width: int, crop_height: int, crop_width: int
) -> list[tuple[int, int]]:
    """Returns the 13 positions `(top, left)` of a crop in a frame (TSN, section
    3.2, corner cropping): corners, center, and the positions between them.

    They are multiples of `(height - crop_height) // 4` rows and
    `(width - crop_width) // 4` columns.

    Raises:
        ValueError: if the crop is larger than the frame.
    """
    regions.check_room(height, width, crop_height, crop_width)
    row_step = (height - crop_height) // 4
    column_step = (width - crop_width) // 4
    return [(i * row_step, j * column_step) for i, j in _POSITIONS]


def _multi_scale(crop, height, width, spec, rng):
    """Draws one of `crop_sizes`, and one of the `fixed_positions`."""
    scales = crop.scales_of(spec.modalities)
    sizes = crop_sizes(height, width, spec.size, scales, crop.max_distort)
    rows, columns = sizes[rng.integers(len(sizes))]
    places = fixed_positions(height, width, rows, columns)[: crop.places]
    top, left = places[rng.integers(len(places))]
    return regions.Region(top, left, rows, columns)


def _inception(crop, height, width, _spec, rng):
    """Draws the area, the ratio and the position of a crop.

    The logarithm of the ratio is uniform, so that neither side is favored.
    After ten rectangles that do not fit, it returns the largest central one
    with a ratio in the range."""
    low, high = crop.ratio
    for _ in range(10):
        area = rng.uniform(*crop.area) * height * width
        ratio = math.exp(rng.uniform(math.log(low), math.log(high)))
        rows = round(math.sqrt(area / ratio))
        columns = round(math.sqrt(area * ratio))
        if 0 < rows <= height and 0 < columns <= width:
            top = int(rng.integers(height - rows + 1))
            left = int(rng.integers(width - columns + 1))
            return regions.Region(top, left, rows, columns)
    rows = min(height, max(round(width / low), 1))
    columns = min(width, max(round(height * high), 1))
    return regions.center_crop(height, width, rows, columns)


def _jitter(crop, height, width, _spec, rng):
    """Draws a crop near the top left or the bottom right corner.

    Height and width are drawn independently, so the aspect changes. The offset
    from the corner is one of 20 in each direction, from 0 to `crop.border` of
    the space left."""
    base = min(height, width)
    rows, columns = (
        max(round(min(base * factor, side)), 1)
        for factor, side in zip(rng.uniform(*crop.sides, 2), (height, width))
    )
    places = rng.integers(20, size=2) / 19 * crop.border
    if rng.integers(2):
        places += 1 - crop.border
    rooms = np.array([height - rows, width - columns])
    # The small number keeps exact positions from being rounded down.
    top, left = np.floor(rooms * places + 1e-9).astype(int).tolist()
    return regions.Region(top, left, rows, columns)


def _center(_crop, height, width, _spec, _rng):
    side = min(height, width)
    return regions.center_crop(height, width, side, side)


_DRAWN = {
    "tsn": _multi_scale,
    "multi_scale_regular": _multi_scale,
    "jitter25": _jitter,
    "inception": _inception,
    "center": _center,
}
