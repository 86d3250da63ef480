import numpy as np
import pytest

from keras_vidrec.data.augmentation import ColorJitter
from keras_vidrec.data.augmentation import colors

JITTER = ColorJitter()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def reference(frames, steps):
    """Exact arithmetic of the documented formula, frame by frame."""
    frames = frames.astype(np.int64)
    for name, factor in steps:
        red, green, blue = np.moveaxis(frames, -1, 0)
        gray = (19595 * red + 38470 * green + 7471 * blue + 32768) // 65536
        plain = {
            "brightness": np.zeros_like(frames),
            "contrast": np.full_like(frames, np.floor(gray.mean() + 0.5)),
            "saturation": np.repeat(gray[..., None], 3, axis=-1),
        }[name]
        blended = plain + factor * (frames - plain)
        frames = np.floor(np.clip(blended, 0, 255)).astype(np.int64)
    return frames


# Factors that binary fractions hold exactly: no rounding can differ.
@pytest.mark.parametrize(
    "steps",
    [
        (("brightness", 1.375),),
        (("brightness", 0.625),),
        (("contrast", 0.6875),),
        (("contrast", 1.25),),
        (("saturation", 1.375),),
        (("saturation", 0.6875),),
        (("saturation", 1.25), ("brightness", 0.75), ("contrast", 1.375)),
    ],
)
def test_correctness(steps):
    frames = noise(3, 20, 24, 3)
    images = ColorJitter().on_rgb(frames, steps)
    assert images.dtype == np.uint8
    assert (images == reference(frames, steps)).all()


@pytest.mark.parametrize("name", colors.BLENDS)
@pytest.mark.parametrize("factor", [0.6, 0.93, 1.0, 1.17, 1.4])
def test_single_frame_as_pillow(name, factor):
    pillow = pytest.importorskip("PIL.Image")
    enhance = pytest.importorskip("PIL.ImageEnhance")
    frame = noise(32, 40, 3)
    kind = {
        "brightness": enhance.Brightness,
        "contrast": enhance.Contrast,
        "saturation": enhance.Color,
    }[name]
    expected = kind(pillow.fromarray(frame)).enhance(factor)
    image = colors.BLENDS[name](frame[None], factor)[0]
    assert (image == np.asarray(expected)).all()


def test_identical_frames_remain_identical():
    frames = np.repeat(noise(1, 16, 16, 3), 4, axis=0)
    rng = np.random.default_rng(1)
    for _ in range(10):
        images = JITTER.on_rgb(frames, JITTER.draw(rng, 16))
        assert (images == images[:1]).all()


def test_contrast_does_not_flicker():
    frames = np.full((2, 8, 8, 3), 100, np.uint8)
    frames[1, :4] = 255
    images = colors.contrast(frames, 0.5)
    # Pixels that agree in both frames still do.
    assert (images[0, 4:] == images[1, 4:]).all()


def test_draws():
    rng = np.random.default_rng(2)
    draws = [JITTER.draw(rng, 16) for _ in range(2000)]
    orders = {tuple(name for name, _ in draw) for draw in draws}
    assert len(orders) == 6
    for name in colors.BLENDS:
        factors = np.array([dict(draw)[name] for draw in draws])
        assert 0.6 <= factors.min() < 0.605
        assert 1.395 < factors.max() <= 1.4
        assert abs(factors.mean() - 1) < 0.02
    again = JITTER.draw(np.random.default_rng(2), 16)
    assert again == draws[0]
    none = ColorJitter(0)
    still = none.draw(rng, 16)
    assert {factor for _, factor in still} == {1.0}
    frames = noise(2, 9, 9, 3)
    assert (none.on_rgb(frames, still) == frames).all()
