import numpy as np
import pytest

from keras_vidrec.clip_spec import ClipSpec
from keras_vidrec.data import sampling
from keras_vidrec.data.clip_reader import Augmentation
from keras_vidrec.data.clip_reader import read_test_clip
from keras_vidrec.data.clip_reader import read_training_clip
from tests.data.memory_source import MemorySource

SOURCE = MemorySource()


def spec_of(modality, **changes):
    length = 1 if modality == "rgb" else 5
    values = {"modalities": (modality,), "snippet_length": length, "size": 16}
    return ClipSpec(**{**values, **changes})


@pytest.mark.parametrize(
    "modality, images, colours",
    [("rgb", 1, 3), ("rgb_diff", 6, 3), ("flow", 5, 2), ("warped_flow", 5, 2)],
)
def test_snippets_are_neighbouring_images_frame_major(
    modality, images, colours
):
    clip = read_test_clip(SOURCE, 3, spec_of(modality))[modality]
    assert clip.shape == (3, 16, 16, images * colours)
    times = clip[:, 0, 0, colours - 2 :: colours]
    expected = sampling.segment_indices(
        SOURCE.num_frames(3, modality), 3, images, mode="test"
    )
    np.testing.assert_array_equal(times, expected[:, None] + np.arange(images))


def test_grid_of_validation_differs_from_that_of_test():
    starts = {}
    for mode in ("validation", "test"):
        clip = read_test_clip(SOURCE, 0, spec_of("rgb"), mode=mode)["rgb"]
        starts[mode] = clip[:, 0, 0, 1].tolist()
        assert (
            starts[mode] == sampling.segment_indices(20, 3, mode=mode).tolist()
        )
    assert starts["validation"] != starts["test"]


def test_ten_crops_of_all_segments():
    source = MemorySource(size=(256, 340))
    spec = spec_of("rgb", size=224)
    clip = read_test_clip(source, 0, spec, num_segments=2, crops="ten")["rgb"]
    assert clip.shape == (20, 224, 224, 3)
    # Columns of top left, top right, bottom left, bottom right, centre,
    # whatever the order of the corners; the mirrors follow.
    # 340 columns do not fit 8 bits.
    columns = np.arange(340).astype(np.uint8)
    left = clip[::2, 0, :, 2]
    for crop in left[:5]:
        assert any(
            np.array_equal(crop, columns[start : start + 224])
            for start in (0, 58, 116)
        )
    np.testing.assert_array_equal(left[5:], left[:5, ::-1])


def test_centre_crop_keeps_the_aspect():
    source = MemorySource(size=(256, 340))
    clip = read_test_clip(source, 0, spec_of("rgb", size=224))["rgb"]
    np.testing.assert_array_equal(
        clip[0, 0, :, 2], np.arange(58, 58 + 224).astype(np.uint8)
    )


def test_one_draw_for_all_frames_and_modalities():
    spec = ClipSpec(
        modalities=("rgb", "flow"), snippet_length=10, alignment="centred",
        size=32, sampling="uniform",
    )  # fmt: skip
    flipped = 0
    for seed in range(20):
        clip = read_training_clip(
            SOURCE, 5, spec, Augmentation(), np.random.default_rng(seed)
        )
        rgb, flow = clip["rgb"], clip["flow"]
        assert rgb.shape == (3, 32, 32, 3) and flow.shape == (3, 32, 32, 20)
        # The same columns everywhere: channel 2 of rgb, y of every flow.
        # (Interpolated pixels may be rounded differently from row to row.)
        columns = rgb[0, 0, :, 2].astype(int)
        np.testing.assert_allclose(rgb[..., 2] - columns, 0, atol=1)
        np.testing.assert_allclose(
            flow[..., 1::2] - columns[:, None], 0, atol=1
        )
        mirrored = columns[0] > columns[-1]
        flipped += mirrored
        # x counts the images: 10 of them, centred on the frame of rgb.
        times = flow[:, 0, 0, ::2].astype(int)
        times = 255 - times if mirrored else times
        np.testing.assert_array_equal(
            times,
            np.clip(rgb[:, 0, 0, 1:2].astype(int) + np.arange(-5, 5), 0, 18),
        )
    assert 0 < flipped < 20


@pytest.mark.parametrize("crop", ["multi_scale", "random_sized", "centre"])
def test_flip_can_be_switched_off(crop):
    for seed in range(10):
        clip = read_training_clip(
            SOURCE,
            0,
            spec_of("rgb"),
            Augmentation(crop=crop, flip=False),
            np.random.default_rng(seed),
        )["rgb"]
        assert clip[0, 0, 0, 2] < clip[0, 0, -1, 2]


def test_color_jitter_changes_frames_but_never_flow():
    spec = ClipSpec(modalities=("rgb", "flow"), snippet_length=1, size=32)
    plain, jittered = (
        read_training_clip(
            SOURCE,
            5,
            spec,
            Augmentation(crop="centre", color_jitter=strength),
            np.random.default_rng(0),
        )
        for strength in (0.0, 0.4)
    )
    assert not np.array_equal(plain["rgb"], jittered["rgb"])
    np.testing.assert_array_equal(plain["flow"], jittered["flow"])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"crop": "five"}, "crop='five'"),
        ({"flip": 0.5}, "flip=0.5"),
        ({"color_jitter": 1}, "color_jitter=1"),
    ],
)
def test_invalid_augmentation(changes, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**changes)
