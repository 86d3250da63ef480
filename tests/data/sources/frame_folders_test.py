import pathlib
import tarfile

import cv2
import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs import frame_tree
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.sources.frame_folders import FrameFolders
from keras_vidrec.data.sources.source import Source
from keras_vidrec.videos.video import VideoError
from tests.data import frame_images
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames


def open_folders(root, *videos):
    videos = videos or tuple(frame_tree.find(root))
    nothing = {1: Split((), ())}
    zeros = (0,) * len(videos)
    return FrameFolders(
        Catalog(pathlib.Path(root), videos, zeros, videos, ("run",), nothing)
    )


def check_pixels(source, index, video, num_frames, tolerance=1):
    """Reads out of order; every pixel tells video, time and channel."""
    times = [num_frames - 2, 0, 3, 0]
    for modality in source.modalities:
        is_flow = "flow" in modality
        assert source.num_frames(index, modality) == num_frames - is_flow
        images = source.read(index, modality, np.array(times))
        expected = np.empty((4, 24, 32, 3 - is_flow))
        pixel = frame_images.flow_pixel if is_flow else frame_images.rgb_pixel
        for image, t in zip(expected, times):
            image[:] = pixel(video, t)
        assert images.shape == expected.shape and images.dtype == np.uint8
        difference = np.abs(images - expected).max()
        assert difference <= (0 if is_flow else tolerance)


TSN = {"templates": ("flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg")}
MMACTION = {"templates": ("x_{:05d}.jpg", "y_{:05d}.jpg")}


@pytest.mark.parametrize(
    "frames, flow",
    [
        ({}, TSN),
        ({}, TSN | {"channels": 3}),
        ({}, MMACTION),
        ({"first": 0}, TSN | {"first": 0}),  # denseflow
        ({"first": 0}, TSN | {"first": 1}),
        ({"template": "{:d}.png"}, {"templates": ("u{:d}.png", "v{:d}.png")}),
        ({"template": "img_{:04d}.jpeg", "first": 9998}, MMACTION),
        ({}, {"templates": ("Flow_X_{:03d}.JPG", "flow_y-{:d}.png")}),
    ],
)
def test_one_folder_a_video(tmp_path, frames, flow):
    for video in range(2):
        folder = tmp_path / "run" / f"clip {video}"
        write_frames(folder, 9, video=video, **frames)
        write_flow(folder, 8, video=video, **flow)
    source = open_folders(tmp_path)
    assert isinstance(source, Source)
    assert source.videos == ("run/clip 0", "run/clip 1")
    assert source.modalities == ("rgb", "rgb_diff", "flow")
    for video in range(2):
        check_pixels(source, video, video, 9)


def test_trees_of_two_stream_fusion(tmp_path):
    name = "frame{:06d}.jpg"
    for video in range(2):
        clip = f"v_Run_g0{video}_c01"
        write_frames(
            tmp_path / "jpegs_256" / clip, 9, video=video, template=name
        )
        write_flow(
            tmp_path,
            8,
            video=video,
            templates=(
                f"tvl1_flow/u/{clip}/{name}",
                f"tvl1_flow/v/{clip}/{name}",
            ),
        )
    source = open_folders(tmp_path)
    assert source.videos == ("v_Run_g00_c01", "v_Run_g01_c01")
    for video in range(2):
        check_pixels(source, video, video, 9)


def test_frames_only_and_flow_only(tmp_path):
    write_frames(tmp_path / "frames" / "a", 4)
    write_flow(tmp_path / "motion" / "b", 3)
    write_flow(
        tmp_path / "motion" / "b",
        3,
        templates=("warp_x_{:d}.jpg", "warp_y_{:d}.jpg"),
    )
    frames = open_folders(tmp_path / "frames")
    flow = open_folders(tmp_path / "motion")
    assert frames.modalities == ("rgb", "rgb_diff")
    assert flow.modalities == ("flow", "warped_flow")
    assert flow.num_frames(0, "flow") == 3
    with pytest.raises(VideoError, match="no images of flow.*Received: .'rgb'"):
        frames.num_frames(0, "flow")
    # One video without flow does not make the dataset one.
    write_frames(tmp_path / "motion" / "a", 4)
    assert open_folders(tmp_path / "motion").modalities == (
        "rgb",
        "rgb_diff",
        "flow",
        "warped_flow",
    )


@pytest.mark.parametrize(
    "num_flow, used",
    [(9, 9), (10, 9), (11, 9), (12, 0), (8, 8), (7, 7), (6, 0)],
)
def test_flow_of_other_lengths(tmp_path, num_flow, used):
    """Of 10 frames: what is too much is at the end and not used."""
    write_frames(tmp_path / "a", 10)
    write_flow(tmp_path / "a", num_flow)
    source = open_folders(tmp_path)
    assert source.num_frames(0, "rgb") == 10
    if used:
        assert source.num_frames(0, "flow") == used
        images = source.read(0, "flow", range(used))
        assert images[:, 5, 5].tolist() == [
            list(frame_images.flow_pixel(0, t)) for t in range(used)
        ]
        with pytest.raises(VideoError, match=f"from 0 to {used - 1}"):
            source.read(0, "flow", [used])
    else:
        with pytest.raises(
            VideoError, match=f"less than the 10 .*Received: {num_flow}"
        ):
            source.num_frames(0, "flow")


def test_what_is_broken(tmp_path):
    for name in "abcdefg":
        write_frames(tmp_path / name, 6)
        write_flow(tmp_path / name, 5)
    (tmp_path / "a" / "img_00003.jpg").unlink()
    (tmp_path / "b" / "flow_y_00005.jpg").unlink()
    (tmp_path / "c" / "flow_x_00002.jpg").unlink()
    (tmp_path / "d" / "img_00004.jpg").write_bytes(b"")
    (tmp_path / "e" / "img_00004.jpg").write_bytes(b"no picture at all")
    picture = np.zeros((10, 20, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "f" / "img_00004.jpg"), picture)
    write_frames(tmp_path / "g", 6, template="copy_{:d}.jpg")
    write_frames(tmp_path / "g", 6, template="shot_{:d}.jpg")
    source = open_folders(tmp_path)
    for video, modality, message in (
        ("a", "rgb", "images img_.* Missing: 3"),
        ("a", "flow", "images img_.* Missing: 3"),
        ("b", "flow", "flow has 5 and 4 images"),
        ("c", "flow", "images flow_x_.* Missing: 2"),
        ("d", "rgb", "img_00004.jpg': it is not an image"),
        ("e", "rgb", "img_00004.jpg': it is not an image"),
        ("f", "rgb", r"differ in size.*\(10, 20\) and \(24, 32\)"),
    ):
        with pytest.raises(VideoError, match=message):
            source.read("abcdefg".index(video), modality, [2, 3])
    # Frames are readable though flow is not, and `img_` is what frames are
    # called, whatever else lies there.
    assert source.read(1, "rgb", [3]).shape == (1, 24, 32, 3)
    check_pixels(source, 6, 0, 6)


def test_two_series_of_frames(tmp_path):
    write_frames(tmp_path / "a", 6, template="copy_{:d}.jpg")
    write_frames(tmp_path / "a", 6, template="shot_{:d}.jpg")
    source = open_folders(tmp_path)
    with pytest.raises(VideoError, match=r"several.*\['copy_', 'shot_'\]"):
        source.num_frames(0, "rgb")


def test_videos_without_folders(tmp_path):
    write_frames(tmp_path / "a", 2)
    with pytest.raises(ValueError, match=r"Received: 'b'"):
        open_folders(tmp_path, "a", "b")


def test_encoded_images_are_the_files(tmp_path):
    write_frames(tmp_path / "a", 3, first=0, template="img_{:d}.jpg")
    write_flow(tmp_path / "a", 2, templates=("x{:d}.jpg", "y{:d}.png"))
    source = open_folders(tmp_path)

    def content(name):
        return (tmp_path / "a" / name).read_bytes()

    assert list(source.encoded(0, "rgb")) == [
        (content(f"img_{t}.jpg"),) for t in range(3)
    ]
    assert list(source.encoded(0, "flow")) == [
        (content(f"x{t}.jpg"), None) for t in (1, 2)
    ]


def test_real_folders_by_class(real_data):
    root = real_data / "frames_dataset_demo"
    folders = frame_tree.find(root)
    source = FrameFolders(catalog.discover(root, clips=folders), folders)
    assert source.videos == (
        "jumping/0001",
        "jumping/0002",
        "running/0001",
        "running/0002",
    )
    assert source.labels == (0, 0, 1, 1)
    assert source.classes == ("jumping", "running")
    counts = [source.num_frames(i, "rgb") for i in range(4)]
    assert counts == [17, 18, 15, 15]
    image = cv2.imread(str(root / "running" / "0001" / "img_00015.jpg"))
    np.testing.assert_array_equal(
        source.read(2, "rgb", [14])[0], image[..., ::-1]
    )


def test_real_folder_of_tsn(real_data, tmp_path):
    real = real_data / "tsn_rawframes_with_flow"
    # Its flow is of another clip: five images for ten frames.
    source = open_folders(real_data, "tsn_rawframes_with_flow")
    assert source.num_frames(0, "rgb_diff") == 10
    with pytest.raises(
        VideoError, match="does not match its frames.*Received: 5"
    ):
        source.num_frames(0, "flow")
    (tmp_path / "a").mkdir()
    for path in real.iterdir():
        if path.name.startswith(("x", "y")):
            (tmp_path / "a" / path.name).symlink_to(path)
    flow = open_folders(tmp_path).read(0, "flow", [4, 1])
    for image, number in zip(flow, (5, 2)):
        for channel, axis in enumerate("xy"):
            path = str(real / f"{axis}_{number:05d}.jpg")
            gray = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
            np.testing.assert_array_equal(image[..., channel], gray)


def test_real_frames_of_ucf101(real_data, tmp_path):
    (archive,) = (real_data / "ucf101_frames").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    source = open_folders(tmp_path)
    (video,) = source.videos
    assert video.endswith("v_BaseballPitch_g01_c01")
    count = source.num_frames(0, "rgb")
    assert source.read(0, "rgb", [0, count - 1]).shape[0] == 2
