import pytest

from keras_vidrec.specs import FrameSpec


@pytest.mark.parametrize(
    "size, height, width, expected",
    [
        ("short256", 240, 320, (256, 341)),
        ("short256", 480, 640, (256, 341)),
        ("short256", 1080, 1920, (256, 455)),
        ("short256", 320, 240, (341, 256)),
        ("short256", 256, 340, (256, 340)),
        ("short64", 3, 1000, (64, 21333)),
        ("short1", 1, 5, (1, 5)),
        ("340x256", 240, 320, (256, 340)),
        ("340x256", 1920, 1080, (256, 340)),
    ],
)
def test_size_of_frames(size, height, width, expected):
    spec = FrameSpec(size)
    assert spec.of(height, width) == expected
    # Frames of this size stay as they are.
    assert spec.of(*expected) == expected
    assert FrameSpec.from_dict(spec.to_dict()) == spec


def test_scaled():
    assert FrameSpec().scaled(0.5) == FrameSpec("short128")
    assert FrameSpec("340x256", "bilinear").scaled(0.5) == FrameSpec(
        "170x128", "bilinear"
    )
    assert FrameSpec("short3").scaled(0.1).short_side == 1
    assert FrameSpec("340x256").short_side == 256
    assert FrameSpec().keeps_aspect and not FrameSpec("8x8").keeps_aspect


@pytest.mark.parametrize(
    "values, received",
    [
        ({"size": "auto"}, "size='auto'"),
        ({"size": "0x256"}, "size='0x256'"),
        ({"size": "short256\n"}, "size='short256"),
        ({"size": 256}, "size=256"),
        ({"interpolation": "cubic"}, "interpolation='cubic'"),
        ({"fps": 0}, "fps=0"),
        ({"fps": "15"}, "fps='15'"),
        ({"deinterlace": True}, "deinterlace=True"),
        ({"deinterlace": "weave"}, "deinterlace='weave'"),
    ],
)
def test_invalid_values(values, received):
    with pytest.raises(ValueError, match=f"of frames.* Received: {received}"):
        FrameSpec(**values)


def test_empty_frames():
    with pytest.raises(ValueError, match="Received: 0x8"):
        FrameSpec().of(0, 8)
