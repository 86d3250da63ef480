import dataclasses
import math

import numpy as np
import pytest
import scipy.special
import sklearn.metrics

from keras_vidrec.evaluation.scores import joining
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores import multi_label
from keras_vidrec.evaluation.scores.comparison import compare
from keras_vidrec.evaluation.scores.fusion import fuse
from keras_vidrec.evaluation.scores.score_file import Scores

CLASSES = ("jump", "run", "walk")
LABELS = [[1, 0, 0], [1, 1, 0], [-1, -1, -1], [0, 0, 0], [0, 1, 0]]
SIGMOIDS = {"multi_label": True, "thresholds": [0.4, 0.5, 0.5]}


def scores(seed=0, **fields):
    rng = np.random.default_rng(seed)
    return Scores(
        **{
            "videos": tuple("abcde"),
            "scores": rng.normal(size=(5, 3)).astype("float32"),
            "labels": LABELS,
            "classes": CLASSES,
            "meta": dict(SIGMOIDS),
            **fields,
        }
    )


def test_round_trip(tmp_path):
    scores().save(tmp_path / "scores.npz")
    loaded = Scores.load(tmp_path / "scores.npz")
    assert loaded.several and loaded.labels.dtype == np.int8
    assert loaded.labels.tolist() == LABELS
    assert loaded.known.tolist() == [True, True, False, True, True]
    assert loaded.meta == SIGMOIDS


@pytest.mark.parametrize(
    "labels, message",
    [
        ([[2, 0, 0], *LABELS[1:]], r"0 and 1 .*\[2, 0, 0\] for 'a'"),
        ([*LABELS[:4], [-1, 1, 0]], r"\[-1, 1, 0\] for 'e'"),
        (np.array(LABELS)[:, :2], r"labels of shape \(5, 2\)"),
        ([[300, 0, 0], *LABELS[1:]], "labels that int8 can represent"),
    ],
)
def test_faulty_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        scores(labels=labels)


def test_figures():
    """Against scikit-learn, on the known videos and the classes that occur."""
    one = scores()
    known = [0, 1, 3, 4]
    labels = np.array(LABELS)[known]
    values = one.scores[known].astype("float64")
    said = scipy.special.expit(values) >= SIGMOIDS["thresholds"]
    average = [
        sklearn.metrics.average_precision_score(labels[:, i], values[:, i])
        for i in range(2)
    ]
    f1 = [sklearn.metrics.f1_score(labels[:, i], said[:, i]) for i in range(2)]
    assert metrics.summary(one) == pytest.approx(
        {
            "mean_average_precision": np.mean(average),
            "micro_f1": sklearn.metrics.f1_score(labels, said, average="micro"),
            "mean_class_f1": np.mean(f1),
        }
    )
    assert multi_label.classes_left_out(one) == ("walk",)
    table = multi_label.label_table(one)
    assert table.videos.tolist() == [2, 2, 0]
    np.testing.assert_allclose(table.average_precisions[:2], average)
    np.testing.assert_allclose(table.f1[:2], f1)
    assert math.isnan(table.average_precisions[2])
    assert table.thresholds.tolist() == SIGMOIDS["thresholds"]
    nothing = metrics.summary(scores(labels=np.full((5, 3), -1)))
    assert len(nothing) == 3 and all(map(math.isnan, nothing.values()))
    # Of a softmax there are no probabilities of each class by itself.
    assert metrics.summary(scores(meta={})).keys() == {"mean_average_precision"}


def test_fusion():
    """What one does not know another tells; thresholds of one are nobody's."""
    one, other = (
        scores(),
        scores(1, labels=[*LABELS[:2], [0, 0, 1], *LABELS[3:]]),
    )
    fused = fuse([one, other], (1, 3))
    assert fused.labels.tolist() == other.labels.tolist()
    np.testing.assert_allclose(
        fused.scores, (one.scores + 3.0 * other.scores) / 4, rtol=1e-6
    )
    assert fused.meta["multi_label"] and "thresholds" not in fused.meta
    assert multi_label.thresholds(fused).tolist() == [0.5] * 3
    assert "micro_f1" in metrics.summary(fused)
    for normed in (
        fuse([one, other], normalize="l2"),
        fuse([one, dataclasses.replace(other, meta={})]),
    ):
        assert metrics.summary(normed).keys() == {"mean_average_precision"}
    with pytest.raises(ValueError, match="`softmax`.*several labels per video"):
        fuse([one, other], softmax=True)


def test_what_does_not_go_together():
    single = Scores(tuple("abcde"), scores().scores, [0] * 5, CLASSES)
    with pytest.raises(ValueError, match="Received: one in number 2"):
        joining.join([scores(), single])
    with pytest.raises(
        ValueError,
        match="'jump' and 'walk' for 'b' in number 2, 'jump' and 'run' before",
    ):
        labels = [LABELS[0], [1, 0, 1], *LABELS[2:]]
        joining.join([scores(), scores(labels=labels)])
    with pytest.raises(ValueError, match="one label each"):
        compare(scores(), scores(1))
