import numpy as np
import pytest

from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import ColorJitter
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.clips import sampling
from keras_vidrec.data.clips.reader import read_test_clip
from keras_vidrec.data.clips.reader import read_training_clip
from keras_vidrec.specs import ClipSpec
from keras_vidrec.videos.video import VideoError
from tests.data.memory_source import MemorySource

SOURCE = MemorySource()


def spec_of(modality, **changes):
    length = 1 if modality == "rgb" else 5
    values = {"modalities": (modality,), "snippet_length": length, "size": 16}
    return ClipSpec(**{**values, **changes})


@pytest.mark.parametrize(
    "modality, images, colors",
    [("rgb", 1, 3), ("rgb_diff", 6, 3), ("flow", 5, 2), ("warped_flow", 5, 2)],
)
def test_snippets_are_neighboring_images_frame_major(modality, images, colors):
    clip = read_test_clip(SOURCE, 3, spec_of(modality))[modality]
    assert clip.shape == (3, 16, 16, images * colors)
    times = clip[:, 0, 0, colors - 2 :: colors]
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
    # Columns of top left, top right, bottom left, bottom right, center,
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


def test_center_crop_keeps_the_aspect():
    source = MemorySource(size=(256, 340))
    clip = read_test_clip(source, 0, spec_of("rgb", size=224))["rgb"]
    np.testing.assert_array_equal(
        clip[0, 0, :, 2], np.arange(58, 58 + 224).astype(np.uint8)
    )


def test_one_draw_for_all_frames_and_modalities():
    spec = ClipSpec(
        modalities=("rgb", "flow"), snippet_length=10, alignment="centered",
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
        # x counts the images: 10 of them, centered on the frame of rgb.
        times = flow[:, 0, 0, ::2].astype(int)
        times = 255 - times if mirrored else times
        np.testing.assert_array_equal(
            times,
            np.clip(rgb[:, 0, 0, 1:2].astype(int) + np.arange(-5, 5), 0, 18),
        )
    assert 0 < flipped < 20


ALL = ("rgb", "rgb_diff", "flow", "warped_flow")


def frames_read(num_frames, starts, spec, order=ALL):
    """Which frames are asked for, by modality, for given starts."""
    source = MemorySource(num_frames=num_frames)
    read_test_clip(source, 0, spec.replace(modalities=order))
    assert [modality for modality, _ in source.reads] == list(order)
    return dict(source.reads)


@pytest.mark.parametrize("order", [ALL, ALL[::-1], ALL[1:] + ALL[:1]])
def test_forward_frames_of_all_modalities(order):
    # 20 frames, 19 flow images. The test grid of tsn_caffe for these with
    # L = 5: starts (19 - 5) // 2 = 7 apart.
    spec = ClipSpec(snippet_length=5, size=16, modalities=ALL)
    read = frames_read(20, [0, 7, 14], spec, order)
    flow = [*range(0, 5), *range(7, 12), *range(14, 19)]
    assert read == {
        "rgb": [0, 7, 14],
        "rgb_diff": [*range(0, 6), *range(7, 13), *range(14, 20)],
        "flow": flow,
        "warped_flow": flow,
    }
    # 4 frames, 3 flow images: all start at 0, the last image is repeated.
    assert frames_read(4, [0, 0, 0], spec, order) == {
        "rgb": [0],
        "rgb_diff": [0, 1, 2, 3],
        "flow": [0, 1, 2],
        "warped_flow": [0, 1, 2],
    }


@pytest.mark.parametrize("order", [ALL, ALL[::-1], ALL[1:] + ALL[:1]])
def test_centered_frames_of_all_modalities(order):
    # 41 frames, 40 flow images, 2 bins: middles 10 and 30.
    spec = ClipSpec(
        snippet_length=10, size=16, modalities=ALL, num_segments=2,
        alignment="centered", sampling="uniform",
    )  # fmt: skip
    flow = [*range(5, 15), *range(25, 35)]
    assert frames_read(41, [10, 30], spec, order) == {
        "rgb": [10, 30],
        "rgb_diff": [*range(5, 16), *range(25, 36)],
        "flow": flow,
        "warped_flow": flow,
    }
    # 9 frames, 8 flow images: 2 and 6, whose stacks reach over both ends.
    assert frames_read(9, [2, 6], spec, order) == {
        "rgb": [2, 6],
        "rgb_diff": [*range(0, 9)],
        "flow": [*range(0, 8)],
        "warped_flow": [*range(0, 8)],
    }


@pytest.mark.parametrize(
    "length, alignment, start, flow, frames",
    [
        (5, "forward", 0, [0, 1, 2, 2, 2], [0, 1, 2, 3, 3, 3]),
        (10, "centered", 1, [0, 0, 0, 0, 0, 1, 2, 2, 2, 2],
         [0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3]),
    ],
)  # fmt: skip
def test_ends_are_repeated(length, alignment, start, flow, frames):
    source = MemorySource(num_frames=4)
    spec = ClipSpec(
        ALL, snippet_length=length, alignment=alignment, size=16,
        num_segments=1, sampling="uniform",
    )  # fmt: skip
    clip = read_test_clip(source, 0, spec)
    assert clip["rgb"][0, 0, 0, 1] == start
    assert clip["rgb_diff"][0, 0, 0, 1::3].tolist() == frames
    assert clip["flow"][0, 0, 0, ::2].tolist() == flow
    assert clip["warped_flow"][0, 0, 0, ::2].tolist() == flow


@pytest.mark.parametrize("modality", ["flow", "warped_flow"])
def test_one_frame_has_no_flow(modality):
    source = MemorySource(num_frames=1)
    rng = np.random.default_rng(0)
    spec = ClipSpec(("rgb", modality), snippet_length=5, size=16)
    for read in (
        lambda: read_test_clip(source, 3, spec),
        lambda: read_training_clip(source, 3, spec, Augmentation(), rng),
    ):
        with pytest.raises(VideoError, match=f"'video3': it has no {modality}"):
            read()
    assert read_test_clip(source, 3, spec.replace(modalities=("rgb_diff",)))


CROPS = ("tsn", "multi_scale_regular", "inception", "jitter25", "center")


@pytest.mark.parametrize("crop", CROPS)
def test_same_part_of_frames_of_other_sizes(crop):
    # Columns of flow count 1.5 times as fast as those of rgb.
    source = MemorySource(size=(64, 80), flow_size=(96, 120))
    spec = ClipSpec(("rgb", "flow", "warped_flow"), snippet_length=5, size=56)
    parts = set()
    for seed in range(12):
        clip = read_training_clip(
            source,
            0,
            spec,
            Augmentation((Crop(crop), Flip())),
            np.random.default_rng(seed),
        )
        rgb = clip["rgb"][0, 0, :, 2].astype(float)
        for modality in ("flow", "warped_flow"):
            flow = clip[modality][0, 0, :, 1].astype(float)
            # Pixel c covers c to c + 1; rounding moves edges by half a pixel.
            np.testing.assert_allclose(flow + 0.5, (rgb + 0.5) * 1.5, atol=2.1)
        parts.add((rgb[0], rgb[-1]))
    assert len(parts) > (1 if crop == "center" else 6)


@pytest.mark.parametrize("crops", ["center", "ten"])
def test_test_crops_show_the_same_part_too(crops):
    source = MemorySource(size=(128, 100), flow_size=(256, 200))
    spec = ClipSpec(("rgb", "flow"), snippet_length=5, size=112)
    clip = read_test_clip(source, 0, spec, crops=crops)
    rgb = clip["rgb"][:, 0, :, 2].astype(float)
    flow = clip["flow"][:, 0, :, 1].astype(float)
    np.testing.assert_allclose(flow + 0.5, (rgb + 0.5) * 2, atol=1.6)
    # Alone, flow is cropped as its own frames are: 224 of 256, here of 200.
    alone = read_test_clip(
        source, 0, spec.replace(modalities=("flow",)), crops=crops
    )
    assert alone["flow"].shape == clip["flow"].shape
    np.testing.assert_allclose(
        alone["flow"][:, 0, :, 1].astype(float), flow, atol=2
    )


def test_jitter_is_never_central():
    source = MemorySource(size=(256, 256))
    spec = spec_of("rgb", size=256)
    for seed in range(40):
        clip = read_training_clip(
            source,
            0,
            spec,
            Augmentation((Crop("jitter25"),)),
            np.random.default_rng(seed),
        )
        columns = clip["rgb"][0, 0, :, 2].astype(int)
        left, right = columns[0], 255 - columns[-1]
        room = left + right
        assert 166 <= 256 - room <= 256
        assert min(left, right) <= 0.25 * room + 2


@pytest.mark.parametrize("crop", CROPS)
def test_flip_can_be_switched_off(crop):
    for seed in range(10):
        clip = read_training_clip(
            SOURCE,
            0,
            spec_of("rgb"),
            Augmentation((Crop(crop),)),
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
            Augmentation((Crop("center"), Flip(), *more)),
            np.random.default_rng(0),
        )
        for more in ((), (ColorJitter(),))
    )
    assert not np.array_equal(plain["rgb"], jittered["rgb"])
    np.testing.assert_array_equal(plain["flow"], jittered["flow"])


CHUNKS = ClipSpec(
    modalities=("rgb", "flow"), snippet_length=10, alignment="centered",
    sampling="chunks", stride=(1, 10), num_segments=5, size=16,
)  # fmt: skip


def check_moments(clip, num_chunks, num_flow_images=40):
    """Returns the frame each chunk shows in rgb; flow is centered on it."""
    times = clip["rgb"][:, 0, 0, 1].astype(int)
    np.testing.assert_array_equal(
        clip["flow"][:, 0, 0, ::2],
        np.clip(times[:, None] + np.arange(-5, 5), 0, num_flow_images - 1),
    )
    return times.reshape(-1, num_chunks).tolist()


@pytest.mark.parametrize("order", [("rgb", "flow"), ("flow", "rgb")])
def test_chunks_of_all_modalities_lie_at_the_same_moments(order):
    # 41 frames, 40 flow images: positions 5..35.
    source = MemorySource(num_frames=41)
    spec = CHUNKS.replace(modalities=order)
    distances, starts = set(), set()
    for seed in range(60):
        clip = read_training_clip(
            source,
            0,
            spec,
            Augmentation((Crop(),)),
            np.random.default_rng(seed),
        )
        (times,) = check_moments(clip, 5)
        steps = set(np.diff(times))
        assert len(steps) == 1 and 5 <= times[0] <= times[-1] <= 35
        distances |= steps
        starts.add(times[0])
    assert distances == set(range(1, 8))  # 8..10 do not fit
    assert len(starts) > 12
    # Middle of the range: 5 apart, 20 of 30.
    validation = read_test_clip(source, 0, spec, mode="validation")
    assert check_moments(validation, 5) == [[10, 15, 20, 25, 30]]
    assert check_moments(read_test_clip(source, 0, spec), 5) == [
        [10, 15, 20, 25, 30]
    ]


def test_clips_of_the_first_crop_come_first():
    source = MemorySource(num_frames=41)
    spec = CHUNKS.replace(stride=(15, 15))  # 7 fit
    clip = read_test_clip(
        source, 3, spec, num_clips=3, crops="frame_and_mirror"
    )
    clips = [[5, 12, 19, 26, 33], [6, 13, 20, 27, 34], [7, 14, 21, 28, 35]]
    # Of 32 x 40 pixels the shorter side becomes 256 / 224 of 16.
    assert clip["rgb"].shape == (30, 18, 22, 3)
    assert clip["flow"].shape == (30, 18, 22, 20)
    assert clip["rgb"][:, 0, 0, 1].reshape(6, 5).tolist() == clips + clips
    first = {modality: images[:15] for modality, images in clip.items()}
    check_moments(first, 5)
    mirror = {modality: images[15:] for modality, images in clip.items()}
    np.testing.assert_array_equal(mirror["rgb"], first["rgb"][:, :, ::-1])
    x, y = (mirror["flow"][..., axis::2] for axis in (0, 1))
    np.testing.assert_array_equal(
        x, 255 - first["flow"][:, :, ::-1, ::2]
    )  # fmt: skip
    np.testing.assert_array_equal(y, first["flow"][:, :, ::-1, 1::2])
    alone = read_test_clip(source, 3, spec, num_clips=3, crops="frame")
    for modality in first:
        np.testing.assert_array_equal(alone[modality], first[modality])


def test_chunks_of_a_short_video():
    # 9 frames, 8 flow images: no stack fits, all are in the middle.
    source = MemorySource(num_frames=9)
    clip = read_test_clip(source, 0, CHUNKS, num_clips=2)
    assert check_moments(clip, 5, num_flow_images=8) == [[4] * 5] * 2
    # 13 frames, 12 flow images: positions 5..7 for 5 chunks.
    source = MemorySource(num_frames=13)
    clip = read_test_clip(source, 0, CHUNKS)
    assert check_moments(clip, 5, num_flow_images=12) == [[5, 5, 6, 6, 7]]


@pytest.mark.parametrize(
    "size, flow_size", [((64, 90), (64, 90)), ((90, 64), (180, 128))]
)
def test_whole_frames_keep_their_aspect(size, flow_size):
    source = MemorySource(size=size, flow_size=flow_size)
    spec = ClipSpec(("rgb", "flow"), snippet_length=5, size=56)
    clip = read_test_clip(source, 0, spec, crops="frame")
    assert clip["rgb"].shape == (3, *size, 3)  # 64 is 256 / 224 of 56
    assert clip["flow"].shape == (3, *size, 10)
    columns = np.arange(size[1])
    np.testing.assert_array_equal(clip["rgb"][0, 0, :, 2], columns)
    # Pixel c covers c to c + 1 of its frame.
    ratio = flow_size[1] / size[1]
    np.testing.assert_allclose(
        clip["flow"][0, 0, :, 1] + 0.5, (columns + 0.5) * ratio, atol=0.51
    )


def test_sequences_of_uniform_segments():
    """STFN's test: sequence j has the j-th frame of each segment."""
    source = MemorySource(num_frames=35)
    spec = spec_of("rgb", sampling="uniform", num_segments=7)
    clip = read_test_clip(source, 0, spec, num_clips=5)["rgb"]
    times = clip[:, 0, 0, 1].reshape(5, 7)
    np.testing.assert_array_equal(times, np.arange(35).reshape(7, 5).T)
    # Of 20 frames, the bins of 2 in each of 5 segments are 2 frames wide.
    source = MemorySource(num_frames=20)
    spec = spec.replace(num_segments=5)
    clip = read_test_clip(source, 0, spec, num_clips=2)["rgb"]
    times = clip[:, 0, 0, 1].reshape(2, 5)
    assert times.tolist() == [[1, 5, 9, 13, 17], [3, 7, 11, 15, 19]]


def test_the_grid_of_features_is_the_same_in_training():
    source = MemorySource(num_frames=100)
    spec = ClipSpec(
        modalities=("rgb", "flow"), num_segments=25, snippet_length=10,
        alignment="centered_late", sampling="feature_grid", size=16,
    )  # fmt: skip
    clip = read_test_clip(source, 0, spec)
    starts = clip["rgb"][:, 0, 0, 1]
    assert starts.tolist() == list(range(4, 77, 3))
    first = clip["flow"][:, 0, 0, ::2].astype(int)
    np.testing.assert_array_equal(first, starts[:, None] + np.arange(-4, 6))
    trained = read_training_clip(
        source, 0, spec, Augmentation(), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(trained["rgb"][:, 0, 0, 1], starts)


@pytest.mark.parametrize(
    "spec, arguments, message",
    [
        (CHUNKS, {"crops": "five"}, "'frame_and_mirror'.*crops='five'"),
        (CHUNKS, {"num_clips": 0}, "num_clips=0"),
        (CHUNKS, {"num_clips": 2, "mode": "validation"}, "num_clips=2"),
        (spec_of("rgb"), {"num_clips": 2}, "num_clips=2.*'tsn_caffe'"),
        (
            spec_of("rgb", sampling="feature_grid"),
            {"num_clips": 2},
            "num_clips=2.*'feature_grid'",
        ),
        (
            spec_of("rgb", sampling="uniform"),
            {"num_clips": 2, "mode": "validation"},
            "num_clips=2.*mode='validation'",
        ),
    ],
)
def test_protocols_that_make_no_sense(spec, arguments, message):
    with pytest.raises(ValueError, match=message):
        read_test_clip(SOURCE, 0, spec, **arguments)
