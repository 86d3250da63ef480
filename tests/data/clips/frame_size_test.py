import numpy as np
import pytest

from keras_vidrec.data.clips.frame_size import FrameSize
from keras_vidrec.data.clips.frame_size import resize


@pytest.mark.parametrize(
    "text, height, width, expected",
    [
        # UCF101, VGA, both PAL forms, 5:4.
        ("auto", 240, 320, (256, 340)),
        ("auto", 480, 640, (256, 340)),
        ("auto", 576, 720, (256, 340)),
        ("auto", 288, 352, (256, 340)),
        ("auto", 1024, 1280, (256, 340)),
        # 3:2, 16:9, square, portrait.
        ("auto", 480, 720, (256, 384)),
        ("auto", 1080, 1920, (256, 455)),
        ("auto", 300, 300, (256, 256)),
        ("auto", 640, 480, (341, 256)),
        ("auto", 1, 1, (256, 256)),
        ("340x256", 1920, 1080, (256, 340)),
        ("340x256", 1, 7, (256, 340)),
        ("short256", 240, 320, (256, 341)),
        ("short256", 321, 241, (341, 256)),
        ("short64", 3, 2, (96, 64)),
        ("80x64", 240, 320, (64, 80)),
    ],
)
def test_sizes(text, height, width, expected):
    assert FrameSize(text).of(height, width) == expected
    assert str(FrameSize(text)) == text


def test_nearly_4_3_is_a_tenth():
    inside = [
        width
        for width in range(900, 2000)
        if FrameSize().of(900, width) == (256, 340)
    ]
    # 1200 / 1.1 and 1200 * 1.1.
    assert inside == list(range(1091, 1321))


@pytest.mark.parametrize(
    "text",
    ["", "340", "256x", "0x256", "short0", "short", "340x256 ", "Auto", None],
)
def test_invalid_texts(text):
    with pytest.raises(ValueError, match=f"Received: size={text!r}"):
        FrameSize(text)


def test_frames_without_a_size():
    with pytest.raises(ValueError, match="2x4000, which become 256x512000"):
        FrameSize().of(2, 4000)
    for text in ("auto", "short256"):
        with pytest.raises(ValueError, match="frame 0x8"):
            FrameSize(text).of(0, 8)


@pytest.mark.parametrize("shape", [(60, 90), (60, 90, 3)])
def test_shrinking_is_the_mean_of_areas(shape):
    frame = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    blocks = frame.reshape(20, 3, 30, 3, -1).mean((1, 3))
    expected = blocks.reshape(20, 30, *shape[2:])
    small = resize(frame, (20, 30))
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small, expected, atol=0.51)


def test_other_changes_are_bilinear():
    ramp = np.arange(0, 200, 2, dtype=np.uint8)
    frame = np.repeat(ramp[None], 8, 0)
    for columns in (60, 150):
        image = resize(frame, (8, columns))
        places = (np.arange(columns) + 0.5) * 100 / columns - 0.5
        expected = np.interp(places, np.arange(100), ramp)
        np.testing.assert_allclose(image[3], expected, atol=0.6)


def test_the_right_size_is_left_alone():
    frame = np.zeros((5, 7, 3), np.uint8)
    assert resize(frame, (5, 7)) is frame
