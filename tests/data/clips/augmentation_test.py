import collections

import numpy as np
import pytest

from keras_vidrec.data.clips import augmentation
from keras_vidrec.data.clips.augmentation import Crop
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import MOTION_CROP_SCALES
from keras_vidrec.specs import RGB_CROP_SCALES
from keras_vidrec.specs import CropSpec

RGB = RGB_CROP_SCALES
MOTION = MOTION_CROP_SCALES
TSN = CropSpec("tsn", scales=RGB)
REGULAR = CropSpec("multi_scale_regular")
JITTER = CropSpec("jitter25")
INCEPTION = CropSpec("inception")
CENTER = CropSpec("center")
draw_crop = augmentation.draw_crop


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def bilinear(image, height, width):
    """Bilinear samples at pixel centers, edges repeated, in float64."""

    def taps(old, new):
        position = (np.arange(new) + 0.5) * old / new - 0.5
        low = np.floor(position).astype(int)
        near, far = np.clip([low, low + 1], 0, old - 1)
        return near, far, position - low

    top, bottom, y = taps(image.shape[0], height)
    left, right, x = taps(image.shape[1], width)
    y, x = y[:, None, None], x[None, :, None]
    image = image.astype(float)
    upper = image[top][:, left] * (1 - x) + image[top][:, right] * x
    lower = image[bottom][:, left] * (1 - x) + image[bottom][:, right] * x
    return upper * (1 - y) + lower * y


def test_crop_sizes_of_the_authors():
    rgb = augmentation.crop_sizes(256, 340, 224, RGB)
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
    assert augmentation.crop_sizes(256, 340, 224, MOTION) == rgb[:7]
    square = augmentation.crop_sizes(256, 340, 224, RGB, max_distort=0)
    assert square == [(256, 256), (224, 224), (192, 192), (168, 168)]


def test_sizes_near_the_target_become_it():
    assert augmentation.crop_sizes(258, 340, 224, (0.875,)) == [(224, 224)]
    assert augmentation.crop_sizes(253, 340, 224, (0.875,)) == [(221, 221)]
    # A frame with no room for the target keeps its size.
    assert augmentation.crop_sizes(222, 340, 224, (1.0,)) == [(222, 222)]
    assert augmentation.crop_sizes(1, 5, 9, (0.5,)) == [(1, 1)]


def test_fixed_positions_of_the_authors():
    x_y = [
        (left, top)
        for top, left in augmentation.fixed_positions(256, 340, 224, 224)
    ]
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
        (TSN.replace(scales=MOTION), 7, 13),
        # The fusion authors' `multiScaleRegular`.
        (REGULAR, 16, 5),
    ],
)
def test_multi_scale_crops_are_uniform(crop, num_sizes, num_places):
    rng = np.random.default_rng(1)
    sizes = augmentation.crop_sizes(
        256, 340, 224, crop.scales, crop.max_distort
    )
    assert len(set(sizes)) == num_sizes
    assert {side for size in sizes for side in size} <= {256, 224, 192, 168}
    num_draws = 150 * num_places * num_sizes
    counts = collections.Counter()
    flips = 0
    for _ in range(num_draws):
        drawn = draw_crop(crop, 256, 340, 224, rng)
        positions = augmentation.fixed_positions(
            256, 340, drawn.height, drawn.width
        )
        size = sizes.index((drawn.height, drawn.width))
        counts[size, positions.index((drawn.top, drawn.left))] += 1
        flips += drawn.flip
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
    assert abs(flips / num_draws - 0.5) < 0.03


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
    assert abs(np.mean([crop.flip for crop in crops]) - 0.5) < 0.03
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
            ends[found[0], crop.flip] += 1
    total = sum(ends.values())
    assert total > 0.3 * len(draws)
    for count in ends.values():
        assert abs(count / total - 0.25) < 0.04
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
    small = JITTER.replace(sides=(6 / 4000, 10 / 4000))
    for _ in range(8000):
        crop = draw_crop(small, 4000, 4000, 8, rng)
        tops[crop.height].add(crop.top)
        assert 0 <= crop.top <= 4000 - crop.height
    assert set(tops) == {6, 7, 8, 9, 10}
    for length, found in tops.items():
        near, far = places_of_the_authors(4000, length)
        assert found == {*near.tolist(), *far.tolist()} and len(found) == 40
        assert {0, 4000 - length} <= found


def test_same_region_of_another_size():
    crop = Crop(8, 29, 224, 192, flip=True)
    assert augmentation.same_region(crop, (256, 340), (256, 340)) == crop
    assert augmentation.same_region(crop, (256, 340), (512, 680)) == Crop(
        16, 58, 448, 384, flip=True
    )
    rng = np.random.default_rng(12)
    for _ in range(300):
        height, width, other_height, other_width = rng.integers(1, 400, 4)
        crop = draw_crop(INCEPTION, height, width, 224, rng)
        other = augmentation.same_region(
            crop, (height, width), (other_height, other_width)
        )
        assert other.flip == crop.flip
        for start, length, side, other_start, other_length, other_side in (
            (crop.top, crop.height, height)
            + (other.top, other.height, other_height),
            (crop.left, crop.width, width)
            + (other.left, other.width, other_width),
        ):
            scale = other_side / side
            assert 0 <= other_start < other_start + other_length <= other_side
            if length * scale > 1:
                assert abs(other_start - start * scale) <= 0.5
                end = other_start + other_length
                assert abs(end - (start + length) * scale) <= 0.5
            else:
                assert other_length <= 2


def test_ten_crops():
    crops = augmentation.ten_crops(256, 340, 224, 224)
    assert [(crop.top, crop.left) for crop in crops[:5]] == [
        (0, 0),
        (0, 116),
        (32, 0),
        (32, 116),
        (16, 58),
    ]
    assert [crop.flip for crop in crops] == [False] * 5 + [True] * 5
    for plain, mirrored in zip(crops[:5], crops[5:]):
        assert (plain.height, plain.width) == (224, 224)
        assert mirrored == Crop(plain.top, plain.left, 224, 224, flip=True)


def test_test_crop_is_crop_of_the_resized_frame():
    assert augmentation.crop_side(256, 340) == 224
    side = augmentation.crop_side(240, 320)
    assert side == 210
    assert augmentation.crop_side(1, 9) == 1
    # A smooth frame, so that a shift of half a pixel would show.
    y, x = np.mgrid[:240, :320]
    frame = np.stack([x / 2, y, (x + y) / 3], -1).round().astype(np.uint8)
    crop = augmentation.center_crop(240, 320, side, side)
    images = augmentation.apply(frame[None], crop, 224, "rgb")
    resized = bilinear(frame, 256, 341)
    expected = resized[16:240, 58:282]
    assert np.abs(images[0] - expected).max() < 1.5


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 18])
@pytest.mark.parametrize("size", [11, (24, 17)])
def test_apply_is_bilinear(channels, size):
    frames = noise(2, 20, 30, channels)
    images = augmentation.apply(frames, Crop(2, 5, 16, 23), size, "rgb_diff")
    height, width = (11, 11) if size == 11 else size
    assert images.shape == (2, height, width, channels)
    assert images.dtype == np.uint8
    for image, frame in zip(images, frames):
        expected = bilinear(frame[2:18, 5:28], height, width)
        # OpenCV rounds its weights to 1/2048 and the result to integers.
        assert np.abs(image - expected).max() < 0.8


def test_crop_of_the_right_size_is_not_resampled():
    frames = noise(2, 9, 8, 2)
    images = augmentation.apply(frames, Crop(1, 2, 6, 6), 6, "flow")
    assert (images == frames[:, 1:7, 2:8]).all()
    assert not np.shares_memory(images, frames)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("size", [6, 9])
def test_flip(modality, size):
    is_flow = modality in ("flow", "warped_flow")
    frames = noise(3, 9, 8, 4 if is_flow else 3)
    crop = Crop(1, 2, 6, 6)
    plain = augmentation.apply(frames, crop, size, modality)
    crop = Crop(1, 2, 6, 6, flip=True)
    mirrored = augmentation.apply(frames, crop, size, modality)
    expected = plain[:, :, ::-1].astype(int)
    if is_flow:
        expected[..., ::2] = 255 - expected[..., ::2]
    assert (mirrored == expected).all()


def test_flip_of_a_still_flow():
    still = np.full((2, 8, 8, 2), 128, np.uint8)
    images = augmentation.apply(still, Crop(0, 0, 8, 8, flip=True), 5, "flow")
    assert (images[..., 0] == 127).all()
    assert (images[..., 1] == 128).all()


@pytest.mark.parametrize("modality", ["rgb", "flow"])
def test_identical_frames_remain_identical(modality):
    frames = np.repeat(noise(1, 32, 40, 2), 5, axis=0)
    rng = np.random.default_rng(7)
    for _ in range(20):
        crop = draw_crop(TSN, 32, 40, 28, rng)
        images = augmentation.apply(frames, crop, 28, modality)
        assert (images == images[:1]).all()


def test_views_of_frames_are_welcome():
    frames = noise(4, 20, 30, 6)
    view = frames[::-2, ::-1, 1::2, 1:4]
    crop = Crop(3, 2, 12, 10, flip=True)
    images = augmentation.apply(view, crop, 9, "rgb")
    expected = augmentation.apply(view.copy(), crop, 9, "rgb")
    assert (images == expected).all()


@pytest.mark.parametrize(
    "crop",
    [Crop(-1, 0, 4, 4), Crop(0, 5, 4, 4), Crop(0, 0, 9, 4), Crop(0, 0, 0, 4)],
)
def test_crop_outside_the_frame(crop):
    with pytest.raises(ValueError, match="Expected a crop .* Received: crop"):
        augmentation.apply(noise(1, 8, 8, 3), crop, 4, "rgb")


@pytest.mark.parametrize(
    "frames,modality,received",
    [
        (noise(8, 8, 3), "rgb", r"uint8 of shape \(8, 8, 3\)"),
        (np.zeros((1, 8, 8, 3)), "rgb", "float64 of shape"),
        (noise(1, 8, 8, 3), "flow", r"uint8 of shape \(1, 8, 8, 3\)"),
        (noise(1, 8, 8, 3), "depth", "modality='depth'"),
    ],
)
def test_invalid_frames(frames, modality, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        augmentation.apply(frames, Crop(0, 0, 8, 8), 8, modality)


@pytest.mark.parametrize(
    "draw,received",
    [
        (lambda: augmentation.ten_crops(8, 8, 9, 4), "crop 9x4, frame 8x8"),
        (lambda: augmentation.center_crop(8, 8, 4, 0), "crop 4x0, frame 8x8"),
        (lambda: augmentation.crop_sizes(8, 8, 4, (1.5,)), "height=8, width=8"),
        (lambda: augmentation.crop_side(8, 0), "crop 1x1, frame 8x0"),
        (lambda: draw_crop(JITTER, 8, 0, 8, None), "crop 1x1, frame 8x0"),
        (lambda: draw_crop(TSN, 0, 8, 8, None), "crop 1x1, frame 0x8"),
    ],
)
def test_invalid_draws(draw, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        draw()
