"""Raw videos, prepared ones and frame folders give the same crops of the same
frames."""

import cv2
import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.augmentation import CROPS
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.clips import reader
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.moving_clip import MovingClip
from keras_vidrec.data.sources.records import Records
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos import video

# Width and height: HD, 4:3, 16:9 and portrait; one of the frame's own size.
SIZES = {
    "hd": (1280, 720),
    "4_3": (320, 240),
    "16_9": (480, 270),
    "portrait": (270, 480),
    "own": (340, 256),
}
NUM_FRAMES = 4
DIS = FlowSpec("dis", 8.0)


def write_video(path, width, height):
    """Soft waves that move by a pixel or two a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), code, 25, (width, height))
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 100)
    y, x = np.mgrid[:height, :width] / min(height, width)
    for t in range(NUM_FRAMES):
        shift = t / 128
        frame = [
            np.sin(3 * (x - shift) + 5 * y),
            np.sin(9 * (x - shift)) * np.cos(7 * y),
            np.cos(4 * x - 11 * (y - shift)),
        ]
        frame = 127.5 + 100 * np.stack(frame, -1)
        writer.write(frame.round().astype(np.uint8))
    writer.release()


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    for name, size in SIZES.items():
        write_video(root / "class" / f"{name}.avi", *size)
    return root


def listed(root):
    names = tuple(f"class/{name}.avi" for name in SIZES)
    return catalogs.Catalog(
        root, names, (0,) * len(names), names, ("class",), {}
    )


@pytest.fixture(scope="module")
def raw(videos):
    return VideoFiles(listed(videos), DIS)


@pytest.fixture(scope="module")
def prepared(videos, tmp_path_factory):
    """By size: datasets of the same videos, prepared."""
    found = {}
    for size in ("short256", "340x256"):
        out = tmp_path_factory.mktemp(size) / "out"
        preparation = Preparation("dis", size=size, bound=8.0, quality=98)
        prepare(listed(videos), out, preparation, workers=1)
        found[size] = Records(out)
    return found


def spec_of(frame, **fields):
    return ClipSpec(
        ("rgb", "flow"),
        num_segments=2,
        snippet_length=2,
        frame=FrameSpec(frame),
        flow=DIS,
        **fields,
    )


def assert_near(clips, others, most=2.5):
    """Equal but for the error of JPEG."""
    assert clips.keys() == others.keys()
    for modality, clip in clips.items():
        difference = np.abs(clip.astype(int) - others[modality])
        assert clip.shape == others[modality].shape
        assert difference.mean() < most / 2, modality
        assert np.percentile(difference, 99) <= 2 * most, modality


@pytest.mark.parametrize("size", ["short256", "340x256"])
def test_training_crops(raw, prepared, size):
    first = next(iter(CROPS))
    for policy in CROPS:
        spec = spec_of(size)
        # Every size by one policy, every policy at the odd ones.
        for name in SIZES if policy == first else ("4_3", "portrait"):
            index = [*SIZES].index(name)
            clips = [
                reader.read_training_clip(
                    source,
                    index,
                    spec,
                    Augmentation((Crop(policy), Flip())),
                    np.random.default_rng((index, 1)),
                )
                for source in (raw, prepared[size])
            ]
            assert_near(*clips)


@pytest.mark.parametrize(
    "size, stored, crops",
    [
        *(("short256", "short256", crops) for crops in TEST_CROPS),
        ("340x256", "340x256", "ten"),
        # Resized once more: the same picture, a little softer.
        ("340x256", "short256", "ten"),
        ("short64", "short256", "ten"),
        ("170x128", "340x256", "ten"),
    ],
)
def test_test_crops(raw, prepared, size, stored, crops):
    spec = spec_of(size, size=round(FrameSpec(size).short_side * 7 / 8))
    if size != stored:  # flow of other frames is other flow
        spec = spec.replace(modalities=("rgb",), snippet_length=1)
    for index in range(len(SIZES)):
        assert_near(
            *(
                reader.read_test_clip(source, index, spec, crops=crops)
                for source in (raw, prepared[stored])
            )
        )


def test_streams_see_the_same(raw, videos):
    spec = spec_of("short64", size=56)
    for index, name in enumerate(raw.videos):
        clip = MovingClip(spec, "ten")
        for t, frame in enumerate(video.iter_frames(videos / name)):
            clip.add(t, frame, spec.modalities)
        counts = {m: raw.num_frames(index, m) for m in spec.modalities}
        indices = reader.image_indices(counts, spec, 2, "test")
        whole = reader.read_test_clip(raw, index, spec, crops="ten")
        for modality, images in clip.clip(indices).items():
            np.testing.assert_array_equal(images, whole[modality])


def test_frame_folders_see_the_same(raw, videos, tmp_path):
    spec = ClipSpec(num_segments=2, frame=FrameSpec("short64"), size=56)
    for name in raw.videos:
        folder = tmp_path / name.removesuffix(".avi")
        folder.mkdir(parents=True)
        for t, frame in enumerate(video.iter_frames(videos / name)):
            path = str(folder / f"img_{t + 1:05d}.png")
            cv2.imwrite(path, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    (tmp_path / "other" / "a").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "other" / "a" / "img_00001.png"), frame)
    folders = opening.open_dataset(tmp_path).source
    for index, name in enumerate(raw.videos):
        place = folders.videos.index(name.removesuffix(".avi"))
        np.testing.assert_array_equal(
            reader.read_test_clip(folders, place, spec)["rgb"],
            reader.read_test_clip(raw, index, spec)["rgb"],
        )


def test_frames_of_the_right_size_stay_as_they_are(raw, videos):
    """Bit for bit, whatever the interpolation: crops of the decoded frame."""
    index = [*SIZES].index("own")
    frames = video.read_frames(videos / raw.videos[index], [0])
    for interpolation in ("area", "bilinear"):
        for size in ("short256", "340x256"):
            spec = ClipSpec(
                num_segments=1, frame=FrameSpec(size, interpolation)
            )
            clip = reader.read_test_clip(raw, index, spec, mode="validation")
            seen = raw.seen_as(spec.frame)
            np.testing.assert_array_equal(seen.read(index, "rgb", [0]), frames)
            whole = seen.read(index, "rgb", range(NUM_FRAMES))
            assert any(
                np.array_equal(clip["rgb"][0], image[16:240, 58:282])
                for image in whole
            )
