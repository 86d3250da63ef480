import cv2
import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.sources import video_files
from keras_vidrec.data.sources.source import Source
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.flow import opencv
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos import video
from tests.data import numbered_video
from tests.videos import encodings

FLOWS = ("flow", "warped_flow")


@pytest.fixture
def source(small_videos):
    return VideoFiles(
        catalog.discover(small_videos), FlowSpec("dis", 8)
    ).seen_as(FrameSpec("60x48", "bilinear"))


def test_is_a_source_of_the_catalog(small_videos):
    listed = catalog.discover(small_videos)
    source = VideoFiles(listed)
    assert isinstance(source, Source)
    assert source.videos == listed.videos and len(source.classes) == 12
    path = small_videos / source.videos[4]
    for modality in ("rgb", "rgb_diff"):
        assert source.num_frames(4, modality) == 12
        np.testing.assert_array_equal(
            source.read(4, modality, [3, 1]), video.read_frames(path, [3, 1])
        )
    for modality in FLOWS:
        assert source.num_frames(4, modality) == 11


@pytest.mark.parametrize("modality", FLOWS)
def test_flow_belongs_to_a_frame_and_the_next(source, small_videos, modality):
    path = small_videos / source.videos[7]
    grays = [
        cv2.cvtColor(cv2.resize(frame, (60, 48)), cv2.COLOR_RGB2GRAY)
        for frame in video.iter_frames(path)
    ]
    indices = [10, 3, 3, 0, 4]
    codes = source.read(7, modality, indices)
    assert codes.shape == (5, 48, 60, 2) and codes.dtype == np.uint8
    for code, t in zip(codes, indices):
        if modality == "flow":
            flow = opencv.dis_flow(grays[t], grays[t + 1])
        else:
            pair = (t, grays[t], grays[t + 1])
            ((_, _, flow),) = extraction.flows_and_warped([pair], "dis")
        np.testing.assert_array_equal(code, codec.encode(flow, 8))
    assert source.read(7, modality, []).shape == (0, 48, 60, 2)


def test_only_the_frames_needed_are_read(source, monkeypatch):
    asked = []
    read_frames = video.read_frames

    def spy(path, indices, **how):
        asked.append(np.asarray(indices).tolist())
        return read_frames(path, indices, **how)

    monkeypatch.setattr(video, "read_frames", spy)
    codes = source.read(0, "flow", [7, 2, 3, 3])
    assert asked == [[2, 3, 4, 7, 8]]
    # Few at a time, however many are asked for.
    asked.clear()
    monkeypatch.setattr(video_files, "_BLOCK", 2)
    again = source.read(0, "flow", [7, 2, 3, 3])
    assert asked == [[2, 3], [4, 7, 8]]
    np.testing.assert_array_equal(again, codes)
    asked.clear()
    monkeypatch.setattr(video_files, "_BLOCK_BYTES", 0)
    some = source.read(0, "rgb", [7, 2, 3, 3, 11])
    assert asked == [[2, 3], [7, 11]]
    np.testing.assert_array_equal(some[[2, 4]], source.read(0, "rgb", [3, 11]))


def moving_texture(path):
    """A video, 96 x 128, that moves 2 pixels to the right a frame."""
    noise = np.random.default_rng(0).uniform(0, 255, (96, 160))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    wide = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")
    code = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), code, 25, (128, 96))
    for t in range(6):
        view = wide[:, 16 - 2 * t : 144 - 2 * t]
        writer.write(cv2.cvtColor(view, cv2.COLOR_GRAY2BGR))
    writer.release()


@pytest.mark.parametrize(
    "method, size, expected",
    [
        ("dis", "128x96", 2),
        ("dis", "short192", 4),
        ("farneback", "short192", 4),
        pytest.param("tvl1", "128x96", 2, marks=pytest.mark.large),
    ],
)
def test_flow_is_in_pixels_of_the_resized_frame(
    tmp_path, method, size, expected
):
    path = tmp_path / "moving.avi"
    moving_texture(path)
    source = SingleVideo(path, FlowSpec(method)).seen_as(FrameSpec(size))
    flow = codec.decode(source.read(0, "flow", [1, 4]))
    inner = flow[:, 24:-24, 24:-24].mean((0, 1, 2))
    np.testing.assert_allclose(inner, [expected, 0], atol=0.15)
    # The same motion everywhere: the camera's, as far as anyone can tell.
    still = codec.decode(source.read(0, "warped_flow", [1]))
    assert np.abs(still[0, 24:-24, 24:-24]).mean() < 0.3


@pytest.mark.parametrize("modality", FLOWS)
@pytest.mark.parametrize("indices", [[11], [-1, 3], [0, 99]])
def test_no_flow_beyond_the_last_pair(source, modality, indices):
    with pytest.raises(
        video.VideoError, match=rf"12 frames, so 11 images of {modality}"
    ):
        source.read(0, modality, indices)


def test_frames_too_long_to_resize_are_named(tmp_path, monkeypatch):
    path = tmp_path / "long.avi"
    numbered_video.write(path, 2, "MJPG")
    monkeypatch.setattr(video, "MAX_PIXELS", 50_000)
    with pytest.raises(video.VideoError, match=r"long\.avi.*become 256x683"):
        SingleVideo(path).seen_as(FrameSpec()).read(0, "rgb", [0])


def test_size_of_frames_and_flow(tmp_path):
    path = tmp_path / "wide.avi"
    numbered_video.write(path, 3, "MJPG")  # 48 x 128
    plain = SingleVideo(path, FlowSpec("dis"))
    source = plain.seen_as(FrameSpec("short24"))
    assert source.frame == FrameSpec("short24") and plain.frame is None
    assert source.seen_as(FrameSpec("short24")) is source
    assert source.read(0, "flow", [1]).shape == (1, 24, 64, 2)
    small = source.read(0, "rgb", [1, 2, 1])
    assert small.shape == (3, 24, 64, 3)
    frames = plain.read(0, "rgb", [1, 2, 1])
    assert frames.shape == (3, 48, 128, 3)
    for frame, expected in zip(frames, small):
        area = cv2.resize(frame, (64, 24), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(area, expected)
    # Frames of the right size stay as they are.
    same = plain.seen_as(FrameSpec("128x48")).read(0, "rgb", [1, 2, 1])
    np.testing.assert_array_equal(same, frames)


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """Directory of the same 2 seconds of motion at several rates, and of one
    that varies: 0.5 s of 15 frames a second, then of 60."""
    directory = tmp_path_factory.mktemp("motion")
    noise = np.random.default_rng(0).uniform(0, 255, (100, 200))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    wide = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")
    picture = directory / "picture.png"
    cv2.imwrite(str(picture), cv2.resize(wide, (600, 300)))
    lossless = ("-c:v", "ffv1", "-pix_fmt", "gray")
    for rate in (15, 30, 60):
        encodings.ffmpeg(
            "-loop", "1", "-framerate", rate, "-i", picture, "-t", 2,
            "-vf", "crop=160:120:x='20+60*t':y=60:exact=1", *lossless,
            directory / f"{rate}.mkv",
        )  # fmt: skip
    encodings.ffmpeg(
        "-i", directory / "60.mkv", "-vf",
        "select='gt(t,0.99)+not(mod(n,4))'", "-fps_mode", "passthrough",
        *lossless, directory / "varying.mkv",
    )  # fmt: skip
    return directory


@pytest.mark.parametrize("name", ["30", "60", "varying"])
def test_flow_at_a_rate_is_the_same_whatever_the_rate_of_the_file(motion, name):
    def flow(name, fps):
        source = SingleVideo(motion / f"{name}.mkv", FlowSpec("dis"))
        source = source.seen_as(FrameSpec("160x120", fps=fps))
        count = source.num_frames(0, "flow")
        return source.read(0, "flow", range(count))[..., 0]

    def strength(codes):
        return np.abs(codes.astype(float) - 128).mean()

    native = flow("15", None)
    taken = flow(name, 15)
    assert len(taken) == len(native) == 29
    np.testing.assert_allclose(strength(taken), strength(native), rtol=0.1)
    assert strength(native) > 5  # 4 pixels
    # Unless it is asked for, the same motion differs with the rate.
    assert strength(flow("60", None)) < 0.5 * strength(native)


def test_segments_are_read_as_files_of_their_own(motion):
    paths = ("60.mkv",) * 3 + ("varying.mkv",)
    segments = (None, (0.6, 1.1, "seconds"), (20, 44, "frames"))
    segments += ((0.6, 1.25, "seconds"),)
    listed = catalog.Catalog(
        motion,
        tuple(f"{i}" for i in range(4)),
        (0, 1, 0, 1),
        tuple("abcd"),
        ("x", "y"),
        {},
        files=paths,
        segments=segments,
    )
    source = VideoFiles(listed, FlowSpec("dis"))
    counts = [source.num_frames(i, "rgb") for i in range(4)]
    # Before the first second of `varying` come 15 frames, then 60 a second.
    assert counts == [120, 30, 24, 6 + 15]
    assert source.num_frames(1, "flow") == 29
    whole = source.read(0, "rgb", range(120))
    order = [3, 0, 23, 3]
    for index, first in ((1, 36), (2, 20)):
        np.testing.assert_array_equal(
            source.read(index, "rgb", order), whole[np.add(order, first)]
        )
        np.testing.assert_array_equal(
            source.read(index, "flow", [4]), source.read(0, "flow", [first + 4])
        )
    for modality in ("rgb", "flow"):
        with pytest.raises(video.VideoError, match="'2'.*Received: .*24, 99"):
            source.read(2, modality, [24, 0, 99])
    # Both together: the same moments of files of different rates.
    seen = source.seen_as(FrameSpec("160x120", fps=15))
    assert [seen.num_frames(i, "rgb") for i in range(4)] == [30, 7, 6, 10]
    np.testing.assert_array_equal(
        seen.read(1, "rgb", range(7)), seen.read(3, "rgb", range(7))
    )
    assert source.health(1) == source.health(0)


def test_seconds_of_segments_are_those_of_a_player(tmp_path):
    encodings.ffmpeg(
        "-f", "lavfi", "-i", "sine=d=3", "-itsoffset", "1.5", "-f", "lavfi",
        "-i", "testsrc2=s=64x48:r=10:d=1", "-map", "0", "-map", "1",
        *encodings.X264, "yuv420p", tmp_path / "late.mkv",
    )  # fmt: skip
    segments = ((1.5, 2, "seconds"), (1.9, None, "seconds"))
    listed = catalog.Catalog(
        tmp_path, ("0", "1"), (0, 0), ("0", "1"), ("x",), {},
        files=("late.mkv",) * 2, segments=segments,
    )  # fmt: skip
    source = VideoFiles(listed)
    assert source.health(0).begins == pytest.approx(1.5, abs=0.03)
    assert source.num_frames(0, "rgb") == 5
    assert source.num_frames(1, "rgb") == 6


def test_time_that_a_file_does_not_tell_is_refused_by_name(tmp_path):
    path = encodings.encode(
        tmp_path / "bare.h264", (*encodings.X264, "yuv420p")
    )
    source = SingleVideo(path).seen_as(FrameSpec(fps=12))
    with pytest.raises(video.VideoError, match=r"bare\.h264.*fps=12"):
        source.num_frames(0, "rgb")
    assert SingleVideo(path).num_frames(0, "rgb") == 10


def test_one_frame_has_no_flow(tmp_path):
    path = tmp_path / "picture.avi"
    numbered_video.write(path, 1, "MJPG")
    source = SingleVideo(path, FlowSpec("dis"))
    assert source.num_frames(0, "rgb") == 1
    assert source.num_frames(0, "flow") == 0
    with pytest.raises(video.VideoError, match="1 frame, so 0 images of flow"):
        source.read(0, "flow", [0])


def test_single_video_is_a_source(small_videos):
    path = sorted(small_videos.rglob("*.avi"))[0]
    source = SingleVideo(path)
    assert isinstance(source, Source)
    assert source.videos == (path.name,) and source.labels == (-1,)
    assert source.num_frames(0, "rgb") == 12
    np.testing.assert_array_equal(
        source.read(0, "rgb", [5]), video.read_frames(path, [5])
    )


def test_frames_are_deinterlaced_if_asked_for(tmp_path):
    path = tmp_path / "class" / "fields.avi"
    path.parent.mkdir()
    numbered_video.write(path, 4, "MJPG")
    catalogs = catalog.Catalog(
        tmp_path, ("class/fields.avi",), (0,), ("g",), ("class",), {}
    )
    frame = FrameSpec("128x48", deinterlace="bob")
    for plain in (SingleVideo(path), VideoFiles(catalogs)):
        fields = plain.seen_as(frame)
        count = video.probe(path, "bob").num_frames
        assert (plain.num_frames(0, "rgb"), fields.num_frames(0, "rgb")) == (
            (4, count)
        )
        np.testing.assert_array_equal(
            fields.read(0, "rgb", [2, 0, count - 1]),
            video.read_frames(path, [2, 0, count - 1], deinterlace="bob"),
        )
    assert count > 4
