import cv2
import numpy as np
import pytest

from keras_vidrec.flow import codec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.video import VideoError
from keras_vidrec.visualization import flow_figure


def strip(flow):
    frames = np.zeros((len(flow), 40, 48, 3), np.uint8)
    indices = list(range(len(flow)))
    return flow_figure.FlowFrames("video.avi", "dis", indices, frames, flow)


def moving(*vectors):
    """Each picture moves as a whole."""
    flow = np.zeros((len(vectors), 40, 48, 2), np.float32)
    flow[:] = np.reshape(vectors, (-1, 1, 1, 2))
    return flow


def test_pictures_share_their_colors_and_arrows_point_the_way():
    flow = moving((3, 4), (-2, 0))
    figure = flow_figure.draw(strip(flow))
    pictures = [axes.images[0].get_array() for axes in figure.axes[3:5]]
    np.testing.assert_array_equal(pictures, codec.to_picture(flow, 5.0))
    for axes, (x, y) in zip(figure.axes[3:5], ((3, 4), (-2, 0))):
        (arrows,) = axes.collections
        assert (arrows.U == x).all() and (arrows.V == y).all()
    assert figure.axes[5].get_xlabel() == "rim: 5.0 px per frame"


def test_where_nothing_moves_all_is_pale():
    figure = flow_figure.draw(strip(moving((0.02, 0))))
    picture = figure.axes[2].images[0].get_array()
    assert picture.min() > 240


def test_numbers():
    header, rows = flow_figure.table(strip(moving((3, 4), (-2, 0))))
    assert header == (
        "frame",
        "mean_length",
        "most_length",
        "mean_x",
        "mean_y",
    )
    assert list(rows) == [
        (0, "5", "5", "3", "4"),
        (1, "2", "2", "-2", "0"),
    ]


def test_frames_are_spread_over_a_video(small_videos, tmp_path):
    path = sorted(small_videos.glob("MoveLeft/*.avi"))[0]
    spec, frame = FlowSpec(method="dis"), FrameSpec("short24")
    found = flow_figure.read(path, spec, num_frames=3, frame=frame)
    assert found.indices == [1, 5, 9]
    assert found.frames.shape == (3, 24, 30, 3)
    assert found.flow.shape == (3, 24, 30, 2)
    # Fewer frames than asked for are all of them.
    assert flow_figure.read(path, spec, 99).indices == list(range(11))
    single = tmp_path / "single.avi"
    writer = cv2.VideoWriter(
        str(single), cv2.VideoWriter.fourcc(*"MJPG"), 25, (40, 32)
    )
    writer.write(np.zeros((32, 40, 3), np.uint8))
    writer.release()
    with pytest.raises(VideoError, match="it has 1 frame"):
        flow_figure.read(single, spec)
