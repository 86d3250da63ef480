import dataclasses

import numpy as np
import pytest

from keras_vidrec.evaluation.scores.joining import join
from keras_vidrec.evaluation.scores.joining import tell_data
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import Origin


def scores(videos="abc", labels=(0, 1, -1), classes=("jump", "run")):
    """The score of a video for class i is its letter's place, plus i."""
    values = [[ord(v) + i for i in range(len(classes))] for v in videos]
    return Scores(tuple(videos), np.array(values, float), labels, classes)


def test_rows_are_of_one_video_each():
    joined = join(
        [scores(), scores("dcba", (1, 0, 1, -1)), scores("xcayb", [-1] * 5)]
    )
    for one in joined.scores:
        assert one.videos == ("a", "b", "c")
        np.testing.assert_array_equal(one.scores, scores().scores)
        assert one.labels.tolist() == [0, 1, 0]
    assert joined.left_out == ((), ("d",), ("x", "y"))


@pytest.mark.parametrize(
    "others, message",
    [
        ([], "at least two scores. Received: 1"),
        (
            [scores(), scores("xyz")],
            "no video that is in all, such as 'a' in number 1",
        ),
        (
            [scores(classes=("jump", "swim"))],
            "'swim' for 'run', class 1, in number 2, compared with number 1",
        ),
        ([scores(classes=("run", "jump"))], "'run' for 'jump', class 0,"),
        (
            [scores(classes=("jump", "run", "swim"))],
            "3 classes for 2 in number 2",
        ),
        (
            [scores(), scores(labels=(0, 0, 0))],
            "'jump' for 'b' in number 3, 'run' before",
        ),
        # What the second knows binds the third.
        (
            [scores("cb", (0, 1)), scores("bc", (1, 1))],
            "'run' for 'c' in number 3, 'jump' before",
        ),
    ],
)
def test_the_first_difference_is_named(others, message):
    with pytest.raises(ValueError, match=message):
        join([scores(), *others])


def test_names_are_those_of_the_caller():
    with pytest.raises(ValueError, match="in flow.npz, compared with rgb.npz"):
        join(
            [scores(), scores(classes=("jump", "swim"))],
            ["rgb.npz", "flow.npz"],
        )


def of(kind="videos", **fields):
    """Scores of a test on videos, or on what was prepared of them."""
    first = Origin(kind)
    prepared = Origin("prepared", parents={"dataset": first})
    network = Origin("network", content="of the training")
    parents = {"network": network, "dataset": prepared}
    origin = Origin("scores", parents=parents, **fields)
    return dataclasses.replace(scores(), origin=origin)


def test_other_data_are_told(caplog):
    one = of(videos="v", content="c", split=1)
    silent = [
        scores(),
        one,
        of(videos="v", content="c"),
        of(videos="v", split=1),
        of(videos="w", content="d", split=1),
        # Of images and of files content is told in different ways.
        of("frames", videos="v", content="e", split=1),
    ]
    for other in silent:
        tell_data((one, other))
    assert not caplog.text
    tell_data((one, of(videos="v", content="d", split=2)), ("a.npz", "b.npz"))
    split, content = caplog.messages
    assert split == "The tests are of different splits: 1 of a.npz, 2 of b.npz."
    assert "same names but different content: a.npz, b.npz" in content
