import cv2
import numpy as np
import pytest

from keras_vidrec.data.clips import reader
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.video import VideoError
from keras_vidrec.visualization import modality_figure
from tests.data.memory_source import MemorySource

DIS = FlowSpec("dis", bound=5.0)


@pytest.fixture(scope="module")
def video(small_videos):
    return sorted(small_videos.glob("MoveLeft/*.avi"))[0]


def test_pixels_are_those_of_the_pipeline(video):
    frame = FrameSpec("short24")
    source = SingleVideo(video, DIS)
    shown = modality_figure.read(source, num_frames=3, frame=frame)
    assert shown.indices == [1, 5, 9]
    assert list(shown.images) == list(MODALITIES)
    assert shown.computed == ("flow", "warped_flow")
    spec = ClipSpec(MODALITIES, 11, size=21, frame=frame, flow=DIS)
    # A snippet at each of the moments of the video, and whole frames.
    clip = reader.read_test_clip(source, 0, spec, crops="frame")
    for modality, images in shown.images.items():
        assert images.shape[1:3] == (24, 30)
        np.testing.assert_array_equal(images, clip[modality][shown.indices])

    rows = modality_figure.pictures(shown)
    assert list(rows) == [
        *("rgb", "rgb_diff", "flow x", "flow y"),
        *("warped_flow x", "warped_flow y"),
    ]
    axes = modality_figure.draw(shown).axes
    assert [one.get_title() for one in axes[1:4]] == ["frame 5", "frame 9", ""]
    assert axes[9].get_ylabel() == "flow y\n(computed)"
    first = [one.images[0] for one in axes[::3]]
    assert len(first) == len(rows)
    for image, (_, pictures) in zip(first, rows.values()):
        np.testing.assert_array_equal(image.get_array(), pictures[0])
        assert image.get_clim() == (0, 255)
    # What moves to the left is dark in x; the camera is still.
    assert rows["flow x"][1].min() < 110 <= rows["flow y"][1].min()


def test_numbers():
    images = {
        "rgb": np.full((1, 2, 2, 3), 7, np.uint8),
        "rgb_diff": np.full((1, 2, 2, 6), 100, np.uint8),
        "flow": np.zeros((1, 2, 2, 2), np.uint8),
    }
    images["rgb_diff"][..., 0, 3:] = 90
    images["flow"][..., 1] = 255
    shown = modality_figure.ModalityFrames("a", [4], images, DIS, ("flow",))
    header, rows = modality_figure.table(shown)
    assert header[1:] == ("picture", "how", "mean", "mean_size", "most_size")
    assert list(rows) == [
        (4, "rgb", "read", "7", "7", "7"),
        (4, "rgb_diff", "read", "-5", "5", "10"),
        (4, "flow x", "made", "-5", "5", "5"),
        (4, "flow y", "made", "5", "5", "5"),
    ]
    difference = modality_figure.pictures(shown)["rgb_diff"][1]
    assert difference[0, 0, :, 0].tolist() == [122, 127]
    assert modality_figure.missing(shown) == ("warped_flow",)


class Textured(MemorySource):
    """A picture that moves by two pixels a frame."""

    modalities = ("rgb", "rgb_diff", "flow")
    flow = DIS
    stored_as = None

    def read(self, index, modality, indices):
        if modality == "flow":
            return super().read(index, modality, indices)
        wide = np.random.default_rng(0).integers(0, 256, (24, 42), np.uint8)
        wide = cv2.resize(wide, (168, 96), interpolation=cv2.INTER_CUBIC)
        frames = [wide[:, 2 * t : 2 * t + 128] for t in indices]
        return np.repeat(np.stack(frames)[..., None], 3, axis=-1)


def test_what_is_not_held_is_made_of_the_frames():
    source = Textured(size=(96, 128))
    shown = modality_figure.read(source, 1, num_frames=2)
    assert shown.indices == [4, 14] and shown.computed == ("warped_flow",)
    stored = source.read(1, "flow", [4, 14])
    np.testing.assert_array_equal(shown.images["flow"], stored)
    for place, t in enumerate(shown.indices):
        grays = [extraction.gray(f) for f in source.read(1, "rgb", [t, t + 1])]
        ((_, flow, warped),) = extraction.flows_and_warped([(0, *grays)], "dis")
        expected = codec.encode(warped, 5.0)
        np.testing.assert_array_equal(
            shown.images["warped_flow"][place], expected
        )
        # All of it moves with the camera, and none of it then.
        assert np.median(flow[..., 0]) < -1.5
        assert abs(np.median(warped[..., 0])) < 0.2


def test_flow_alone():
    source = MemorySource(num_frames=3)
    source.modalities, source.stored_as = ("flow",), None
    shown = modality_figure.read(source, num_frames=9)
    assert shown.indices == [0, 1]
    assert modality_figure.missing(shown) == ("rgb", "rgb_diff", "warped_flow")
    assert len(modality_figure.draw(shown).axes) == 2 * 2


def test_what_cannot_be_drawn_is_refused():
    source = Textured(num_frames=1)
    with pytest.raises(VideoError, match="a single frame"):
        modality_figure.read(source)
    with pytest.raises(ValueError, match="Received: flow=.*tvl1.*dis"):
        modality_figure.read(source, flow=FlowSpec())
    with pytest.raises(ValueError, match="Received: num_frames=0"):
        modality_figure.read(source, num_frames=0)
    source.kind = "features"
    with pytest.raises(ValueError, match="a source of images"):
        modality_figure.read(source)
