import cv2
import numpy as np
import pytest

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.flow import codec
from keras_vidrec.reporting import mistakes
from keras_vidrec.reporting import tables
from keras_vidrec.specs import FlowSpec
from tests.data.memory_source import MemorySource


def decoded(jpeg):
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def test_the_worst_first_and_ties_as_argmax_has_them():
    scores = Scores(
        "abcd",
        [[1, 3, 2], [3, 3, 3], [0, 9, 0], [5, 6, 7]],
        [0, 2, 0, 0],
        "xyz",
    )
    found = tables.confused_pairs(scores)
    assert [pair[:3] for pair in found] == [(0, 1, 2), (0, 2, 1), (2, 0, 1)]
    assert [pair.reverse for pair in found] == [0, 1, 1]
    worst = mistakes.worst_mistakes(scores, found[0], 5)
    assert [(m.video, m.margin, m.rank) for m in worst] == [
        (2, 9, 2),
        (0, 2, 3),
    ]
    (tie,) = mistakes.worst_mistakes(scores, found[2], 5)
    assert (tie.video, tie.margin, tie.rank) == (1, 0, 3)


@pytest.mark.parametrize(
    "num_frames, frames", [(20, [1, 5, 8, 11, 15, 18]), (3, [0, 1, 2])]
)
def test_frames_are_spread_over_the_video(num_frames, frames):
    """Video i, frame t: (i, t, column)."""
    source = MemorySource(num_frames=num_frames, size=(56, 70))
    found = mistakes.read(source, "video3")
    assert [frame for frame, _ in found.images] == frames
    for frame, jpeg in found.images:
        picture = decoded(jpeg)
        assert picture.shape == (112, 140, 3)
        assert abs(picture[..., 0].mean() - 3) < 2
        assert abs(picture[..., 1].mean() - frame) < 2


class Flow(MemorySource):
    """Flow to the right, 5 pixels."""

    modalities = ("warped_flow",)
    flow = FlowSpec(bound=10)

    def read(self, index, modality, indices):
        flow = np.zeros((len(indices), 112, 30, 2))
        flow[..., 0] = 5
        return codec.encode(flow, 10)


def test_flow_in_colors():
    found = mistakes.read(Flow(), "video0")
    assert len(found.images) == 6
    red = decoded(found.images[0][1])[56, 15]
    np.testing.assert_allclose(red, [255, 0, 0], atol=6)


def test_no_frames_but_a_reason():
    source = MemorySource(broken=[1])
    assert "it is broken" in mistakes.read(source, "video1").problem
    assert mistakes.read(source, "x").problem == "Not in the dataset."
    short = mistakes.read(Flow(num_frames=1), "video0")
    assert short.problem == "Too short to have flow." and not short.images
