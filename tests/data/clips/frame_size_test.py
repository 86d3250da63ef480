import numpy as np
import pytest

from keras_vidrec.data.clips import frame_size
from keras_vidrec.data.clips.frame_size import resize
from keras_vidrec.specs import FrameSpec


def test_frames_that_would_be_too_large():
    assert frame_size.size_of(FrameSpec(), 240, 320) == (256, 341)
    with pytest.raises(ValueError, match="2x4000, which become 256x512000"):
        frame_size.size_of(FrameSpec(), 2, 4000)


def test_images_of_a_video():
    images = np.random.default_rng(0).integers(
        0, 256, (3, 20, 30, 2), dtype=np.uint8
    )
    small = frame_size.resize_images(images, FrameSpec("short10"), 20, 30)
    assert small.shape == (3, 10, 15, 2)
    np.testing.assert_array_equal(small[2], resize(images[2], (10, 15)))
    none = frame_size.resize_images(images[:0], FrameSpec("short10"), 20, 30)
    assert none.shape == (0, 10, 15, 2) and none.dtype == np.uint8
    same = frame_size.resize_images(images, FrameSpec("short20"), 20, 30)
    assert same is images
    one = resize(images[0, ..., :1], (10, 40))
    assert one.shape == (10, 40, 1)


@pytest.mark.parametrize("shape", [(60, 90), (60, 90, 3)])
def test_shrinking_is_the_mean_of_areas(shape):
    frame = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    blocks = frame.reshape(20, 3, 30, 3, -1).mean((1, 3))
    expected = blocks.reshape(20, 30, *shape[2:])
    small = resize(frame, (20, 30))
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small, expected, atol=0.51)


def test_growing_is_bilinear():
    ramp = np.arange(0, 200, 2, dtype=np.uint8)
    frame = np.repeat(ramp[None], 8, 0)
    for columns, interpolation in ((60, "bilinear"), (150, "area")):
        image = resize(frame, (8, columns), interpolation)
        places = (np.arange(columns) + 0.5) * 100 / columns - 0.5
        expected = np.interp(places, np.arange(100), ramp)
        np.testing.assert_allclose(image[3], expected, atol=0.6)


def test_one_side_shrinks_and_the_other_grows():
    frame = np.random.default_rng(1).integers(0, 256, (60, 9), dtype=np.uint8)
    image = resize(frame, (20, 30))
    # First the means of three rows, then more columns.
    means = frame.reshape(20, 3, 9).mean(1).round().astype(np.uint8)
    expected = resize(means, (20, 30), "bilinear")
    np.testing.assert_allclose(image, expected.astype(int), atol=1)


def test_the_right_size_is_left_alone():
    frame = np.zeros((5, 7, 3), np.uint8)
    assert resize(frame, (5, 7)) is frame
