import collections
import dataclasses

import numpy as np
import pytest

from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation.crop import MOTION_CROP_SCALES
from keras_vidrec.data.augmentation.crop import RGB_CROP_SCALES
from keras_vidrec.data.augmentation.crop import crop_sizes
from keras_vidrec.data.augmentation.crop import fixed_positions
from keras_vidrec.specs import ClipSpec

RGB = RGB_CROP_SCALES
MOTION = MOTION_CROP_SCALES
TSN = Crop("tsn", scales=RGB)
REGULAR = Crop("multi_scale_regular")
JITTER = Crop("jitter25")
INCEPTION = Crop("inception")
CENTER = Crop("center")


def draw_crop(crop, height, width, size, rng):
    return crop.draw(rng, height, width, ClipSpec(size=size))


def test_published_numbers():
    tsn = Crop()
    assert (tsn.policy, tsn.places, tsn.max_distort) == ("tsn", 13, 1)
    regular = Crop("multi_scale_regular")
    assert [round(256 * scale) for scale in regular.scales] == [
        256, 224, 192, 169,
    ]  # fmt: skip
    assert (regular.places, regular.max_distort) == (5, 3)
    jitter = Crop("jitter25")
    assert [256 * side for side in jitter.sides] == [168, 280]
    assert Crop("inception").area == (0.08, 1.0)
    # What differs from them is told, and nothing else.
    assert CENTER.get_config() == {"policy": "center"}
    assert TSN.get_config() == {"policy": "tsn", "scales": [*RGB]}
    for crop in (tsn, regular, jitter, TSN):
        assert Crop.from_config(crop.get_config()) == crop


def test_scales_of_modalities():
    assert Crop().scales_of(("rgb",)) == RGB
    for modalities in (("flow",), ("rgb_diff",), ("rgb", "flow")):
        assert Crop().scales_of(modalities) == MOTION
        assert TSN.scales_of(modalities) == RGB
        assert REGULAR.scales_of(modalities) == RGB


@pytest.mark.parametrize(
    "values, received",
    [
        ({"policy": "corner"}, "policy='corner'"),
        ({"scales": ()}, r"scales=\(\)"),
        ({"scales": [0.0, 1.0]}, r"scales=\(0.0, 1.0\)"),
        ({"scales": 1.0}, "scales=1.0"),
        ({"max_distort": -1}, "max_distort=-1"),
        ({"places": 9}, "places=9"),
        ({"border": 0.25}, "border=0.25"),
        ({"policy": "jitter25", "border": 0.6}, "border=0.6"),
        ({"policy": "jitter25", "sides": [1.25, 0.75]}, r"sides=\(1.25, 0.75"),
        ({"policy": "inception", "area": [0.5, 2]}, r"area=\(0.5, 2\)"),
        ({"policy": "inception", "ratio": [1]}, r"ratio=\(1,\)"),
        ({"policy": "center", "scales": [1.0]}, r"scales=\(1.0,\)"),
    ],
)
def test_invalid_values(values, received):
    with pytest.raises(ValueError, match=f"of crop.*: {received}"):
        Crop(**values)


def test_crop_sizes_of_the_authors():
    rgb = crop_sizes(256, 340, 224, RGB)
    assert rgb == [
        (256, 256),
        (256, 224),
        (224, 256),
        (224, 224),
        (224, 192),
        (192, 224),
        (192, 192),
        (192, 168),
        (168, 192),
        (168, 168),
    ]
    assert crop_sizes(256, 340, 224, MOTION) == rgb[:7]
    square = crop_sizes(256, 340, 224, RGB, max_distort=0)
    assert square == [(256, 256), (224, 224), (192, 192), (168, 168)]


def test_sizes_near_the_target_become_it():
    assert crop_sizes(258, 340, 224, (0.875,)) == [(224, 224)]
    assert crop_sizes(253, 340, 224, (0.875,)) == [(221, 221)]
    # A frame with no room for the target keeps its size.
    assert crop_sizes(222, 340, 224, (1.0,)) == [(222, 222)]
    assert crop_sizes(1, 5, 9, (0.5,)) == [(1, 1)]


def test_fixed_positions_of_the_authors():
    x_y = [(left, top) for top, left in fixed_positions(256, 340, 224, 224)]
    assert x_y == [
        (0, 0),
        (116, 0),
        (0, 32),
        (116, 32),
        (58, 16),
        (0, 16),
        (116, 16),
        (58, 32),
        (58, 0),
        (29, 8),
        (87, 8),
        (29, 24),
        (87, 24),
    ]


@pytest.mark.parametrize(
    "crop, num_sizes, num_places",
    [
        (TSN, 10, 13),
        (dataclasses.replace(TSN, scales=MOTION), 7, 13),
        # The fusion authors' `multiScaleRegular`.
        (REGULAR, 16, 5),
    ],
)
def test_multi_scale_crops_are_uniform(crop, num_sizes, num_places):
    rng = np.random.default_rng(1)
    sizes = crop_sizes(256, 340, 224, crop.scales, crop.max_distort)
    assert len(set(sizes)) == num_sizes
    assert {side for size in sizes for side in size} <= {256, 224, 192, 168}
    num_draws = 150 * num_places * num_sizes
    counts = collections.Counter()
    for _ in range(num_draws):
        drawn = draw_crop(crop, 256, 340, 224, rng)
        positions = fixed_positions(256, 340, drawn.height, drawn.width)
        size = sizes.index((drawn.height, drawn.width))
        counts[size, positions.index((drawn.top, drawn.left))] += 1
    # Where a crop is as high as the frame several of the places are one, and
    # `index` finds the first.
    assert {size for size, _ in counts} == set(range(len(sizes)))
    for i, (height, _) in enumerate(sizes):
        places = {place for size, place in counts if size == i}
        at_height = {13: 5, 5: 3}[num_places]
        assert len(places) == (at_height if height == 256 else num_places)
        total = sum(counts[i, place] for place in places)
        # Four standard deviations.
        expected = num_places * 150
        assert abs(total - expected) < 4 * expected**0.5
        if height < 256:
            assert all(90 < counts[i, place] < 215 for place in places)


@pytest.mark.parametrize("crop", [TSN, REGULAR, JITTER, INCEPTION, CENTER])
def test_crops_are_shares_of_the_frame(crop):
    """The same part of the picture whatever the size of frames and crops: the
    mean share of the area within 1 %."""
    shares = []
    for short, long, size in (
        (256, 340, 224),  # as published
        (128, 170, 64),  # --tiny
        (128, 170, 112),
        (256, 340, 112),
        (256, 340, 299),
        (720, 956, 224),  # HD and more, of the same aspect
        (1536, 2040, 224),
    ):
        for height, width in ((short, long), (long, short)):
            rng = np.random.default_rng(3)
            drawn = [
                draw_crop(crop, height, width, size, rng) for _ in range(3000)
            ]
            areas = np.mean([part.height * part.width for part in drawn])
            shares.append(areas / (height * width))
    landscape, portrait = shares[::2], shares[1::2]
    np.testing.assert_allclose(landscape, landscape[0], rtol=0.01)
    np.testing.assert_allclose(portrait, portrait[0], rtol=0.01)
    # Apart from the noise of the draws these are the same.
    np.testing.assert_allclose(landscape, portrait, rtol=0.03)
    # 224 pixels, 25 % less to 25 % more, of 256 x 340.
    if crop is JITTER:
        rng = np.random.default_rng(4)
        sides = 224 * rng.uniform(0.75, 1.25, (2, 10**5))
        published = np.minimum(sides, [[256], [340]]).prod(0).mean()
        np.testing.assert_allclose(shares[0], published / 256 / 340, rtol=0.01)


@pytest.mark.parametrize("height,width", [(8, 300), (240, 320), (3, 2)])
def test_drawn_crops_lie_in_the_frame(height, width):
    rng = np.random.default_rng(2)
    for _ in range(300):
        for crop in (
            draw_crop(crop, height, width, 8, rng)
            for crop in (TSN, REGULAR, JITTER, INCEPTION, CENTER)
        ):
            assert crop.height >= 1
            assert crop.width >= 1
            assert 0 <= crop.top <= height - crop.height
            assert 0 <= crop.left <= width - crop.width


def test_draws_are_a_function_of_the_generator():
    def draw(seed):
        rng = np.random.default_rng(seed)
        return [
            draw_crop(crop, 256, 340, 224, rng)
            for crop in (TSN, REGULAR, JITTER, INCEPTION)
        ]

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_inception_crop_distribution():
    rng = np.random.default_rng(5)
    crops = [draw_crop(INCEPTION, 1000, 1000, 224, rng) for _ in range(4000)]
    areas = np.array([crop.height * crop.width for crop in crops]) / 1e6
    ratios = np.array([crop.width / crop.height for crop in crops])
    assert areas.min() > 0.079
    assert areas.min() < 0.09
    assert areas.max() > 0.95
    assert ratios.min() > 0.74
    assert ratios.max() < 1.35
    assert abs(np.log(ratios).mean()) < 0.02
    tops = np.array([crop.top / (1001 - crop.height) for crop in crops])
    assert abs(tops.mean() - 0.5) < 0.03
    small = areas < 0.54
    # Half of the areas drawn are below 0.54, and nearly all of these fit.
    assert 0.49 < small.mean() < 0.62


def test_inception_crop_of_a_narrow_frame():
    # Nothing of at least 0.08 of the area fits 10x1000.
    crop = draw_crop(INCEPTION, 10, 1000, 224, np.random.default_rng(6))
    assert (crop.height, crop.width) == (10, 13)
    assert (crop.top, crop.left) == (0, 493)
    crop = draw_crop(INCEPTION, 1000, 9, 224, np.random.default_rng(6))
    assert (crop.height, crop.width) == (12, 9)


def places_of_the_authors(side, length):
    """0-based places of a crop in one direction, near either end."""
    room = side - length
    return [
        np.floor(room * np.linspace(*ends, 20) + 1e-9).astype(int)
        for ends in ((0, 0.25), (0.75, 1))
    ]


@pytest.mark.parametrize(
    "height, width", [(256, 340), (240, 180), (36, 50), (720, 1280)]
)
def test_jitter_is_that_of_the_authors(height, width):
    rng = np.random.default_rng(8)
    # 224 pixels of frames whose shorter side has 256.
    size = min(height, width) * 224 / 256
    draws = [draw_crop(JITTER, height, width, 99, rng) for _ in range(4000)]
    ends = collections.Counter()
    for crop in draws:
        rows = places_of_the_authors(height, crop.height)
        columns = places_of_the_authors(width, crop.width)
        # Both directions at the same end, never the center.
        found = [
            end
            for end in (0, 1)
            if crop.top in rows[end] and crop.left in columns[end]
        ]
        assert found
        if len(found) == 1:
            ends[found[0]] += 1
    total = sum(ends.values())
    assert total > 0.3 * len(draws)
    for count in ends.values():
        assert abs(count / total - 0.5) < 0.06
    for sides, room in (
        ([crop.height for crop in draws], height),
        ([crop.width for crop in draws], width),
    ):
        low, high = 0.75 * size, min(1.25 * size, room)
        assert abs(min(sides) - low) < 1 and abs(max(sides) - high) < 1
        # Uniform up to what the frame has no room for.
        drawn = np.minimum(
            np.random.default_rng(9).uniform(0.75, 1.25, 10**5) * size, room
        )
        assert abs(np.mean(sides) - drawn.mean()) < 0.01 * size
    heights, widths = (
        [getattr(c, n) for c in draws] for n in ("height", "width")
    )
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.06


def test_jitter_reaches_all_twenty_places():
    # So much room that no two places are one.
    rng = np.random.default_rng(10)
    tops = collections.defaultdict(set)
    small = dataclasses.replace(JITTER, sides=(6 / 4000, 10 / 4000))
    for _ in range(8000):
        crop = draw_crop(small, 4000, 4000, 8, rng)
        tops[crop.height].add(crop.top)
        assert 0 <= crop.top <= 4000 - crop.height
    assert set(tops) == {6, 7, 8, 9, 10}
    for length, found in tops.items():
        near, far = places_of_the_authors(4000, length)
        assert found == {*near.tolist(), *far.tolist()} and len(found) == 40
        assert {0, 4000 - length} <= found


@pytest.mark.parametrize(
    "draw, received",
    [
        (lambda: crop_sizes(8, 8, 4, (1.5,)), "height=8, width=8"),
        (lambda: draw_crop(JITTER, 8, 0, 8, None), "crop 1x1, frame 8x0"),
        (lambda: draw_crop(TSN, 0, 8, 8, None), "crop 1x1, frame 0x8"),
    ],
)
def test_invalid_draws(draw, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        draw()
