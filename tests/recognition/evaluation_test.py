import pytest

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.recognition.evaluation import Evaluation


@pytest.mark.parametrize(
    "labels, expected",
    [
        ([-1, 1], [None, "jump"]),
        ([[1, 1], [0, 0]], [("run", "jump"), ()]),
    ],
)
def test_a_table_of_unknown_and_of_several_labels(labels, expected):
    scores = Scores(
        videos=("a.avi", "b.avi"),
        scores=[[0.1, 0.9], [0.8, 0.2]],
        labels=labels,
        classes=("run", "jump"),
    )
    table = Evaluation({}, scores).to_pandas()
    assert list(table["video"]) == ["a.avi", "b.avi"]
    known = ~table["class"].isna()
    assert list(known) == [one is not None for one in expected]
    found = [one for one in expected if one is not None]
    assert list(table["class"][known]) == found
    assert list(table["predicted"]) == ["jump", "run"]
