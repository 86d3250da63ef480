import numpy as np
import pytest

from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.clips import regions
from keras_vidrec.data.clips.regions import Region
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import ClipSpec

INCEPTION = Crop("inception")


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


def test_same_region_of_another_size():
    crop = Region(8, 29, 224, 192, flip=True)
    assert regions.same_region(crop, (256, 340), (256, 340)) == crop
    assert regions.same_region(crop, (256, 340), (512, 680)) == Region(
        16, 58, 448, 384, flip=True
    )
    rng = np.random.default_rng(12)
    for _ in range(300):
        height, width, other_height, other_width = rng.integers(1, 400, 4)
        crop = INCEPTION.draw(rng, height, width, ClipSpec())
        other = regions.same_region(
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
    crops = regions.ten_crops(256, 340, 224, 224)
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
        assert mirrored == Region(plain.top, plain.left, 224, 224, flip=True)


def test_test_crop_is_crop_of_the_resized_frame():
    assert regions.crop_side(256, 340) == 224
    side = regions.crop_side(240, 320)
    assert side == 210
    assert regions.crop_side(1, 9) == 1
    # A smooth frame, so that a shift of half a pixel would show.
    y, x = np.mgrid[:240, :320]
    frame = np.stack([x / 2, y, (x + y) / 3], -1).round().astype(np.uint8)
    crop = regions.center_crop(240, 320, side, side)
    images = regions.apply(frame[None], crop, 224, "rgb")
    resized = bilinear(frame, 256, 341)
    expected = resized[16:240, 58:282]
    assert np.abs(images[0] - expected).max() < 1.5


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 18])
@pytest.mark.parametrize("size", [11, (24, 17)])
def test_apply_is_bilinear(channels, size):
    frames = noise(2, 20, 30, channels)
    images = regions.apply(frames, Region(2, 5, 16, 23), size, "rgb_diff")
    height, width = (11, 11) if size == 11 else size
    assert images.shape == (2, height, width, channels)
    assert images.dtype == np.uint8
    for image, frame in zip(images, frames):
        expected = bilinear(frame[2:18, 5:28], height, width)
        # OpenCV rounds its weights to 1/2048 and the result to integers.
        assert np.abs(image - expected).max() < 0.8


def test_crop_of_the_right_size_is_not_resampled():
    frames = noise(2, 9, 8, 2)
    images = regions.apply(frames, Region(1, 2, 6, 6), 6, "flow")
    assert (images == frames[:, 1:7, 2:8]).all()
    assert not np.shares_memory(images, frames)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("size", [6, 9])
def test_flip(modality, size):
    is_flow = modality in ("flow", "warped_flow")
    frames = noise(3, 9, 8, 4 if is_flow else 3)
    crop = Region(1, 2, 6, 6)
    plain = regions.apply(frames, crop, size, modality)
    crop = Region(1, 2, 6, 6, flip=True)
    mirrored = regions.apply(frames, crop, size, modality)
    expected = plain[:, :, ::-1].astype(int)
    if is_flow:
        expected[..., ::2] = 255 - expected[..., ::2]
    assert (mirrored == expected).all()


def test_flip_of_a_still_flow():
    still = np.full((2, 8, 8, 2), 128, np.uint8)
    images = regions.apply(still, Region(0, 0, 8, 8, flip=True), 5, "flow")
    assert (images[..., 0] == 127).all()
    assert (images[..., 1] == 128).all()


@pytest.mark.parametrize("modality", ["rgb", "flow"])
def test_identical_frames_remain_identical(modality):
    frames = np.repeat(noise(1, 32, 40, 2), 5, axis=0)
    rng = np.random.default_rng(7)
    for _ in range(20):
        crop = Crop().draw(rng, 32, 40, ClipSpec(size=28))
        images = regions.apply(frames, crop, 28, modality)
        assert (images == images[:1]).all()


def test_views_of_frames_are_welcome():
    frames = noise(4, 20, 30, 6)
    view = frames[::-2, ::-1, 1::2, 1:4]
    crop = Region(3, 2, 12, 10, flip=True)
    images = regions.apply(view, crop, 9, "rgb")
    expected = regions.apply(view.copy(), crop, 9, "rgb")
    assert (images == expected).all()


@pytest.mark.parametrize(
    "crop",
    [
        Region(-1, 0, 4, 4),
        Region(0, 5, 4, 4),
        Region(0, 0, 9, 4),
        Region(0, 0, 0, 4),
    ],
)
def test_crop_outside_the_frame(crop):
    with pytest.raises(ValueError, match="Expected a crop .* Received: crop"):
        regions.apply(noise(1, 8, 8, 3), crop, 4, "rgb")


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
        regions.apply(frames, Region(0, 0, 8, 8), 8, modality)


@pytest.mark.parametrize(
    "draw,received",
    [
        (lambda: regions.ten_crops(8, 8, 9, 4), "crop 9x4, frame 8x8"),
        (lambda: regions.center_crop(8, 8, 4, 0), "crop 4x0, frame 8x8"),
        (lambda: regions.crop_side(8, 0), "crop 1x1, frame 8x0"),
    ],
)
def test_invalid_draws(draw, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        draw()
