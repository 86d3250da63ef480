import numpy as np
import pytest

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reporting import class_sizes

CLASSES = ("many", "more", "few", "none", "unseen")


def scores_of(taken_for, labels):
    values = [[float(c == taken) for c in range(5)] for taken in taken_for]
    return Scores(range(len(labels)), values, labels, CLASSES)


def test_classes_by_their_training_videos():
    """4 of 6 videos of the frequent classes are found, in 3 of 4 and in 1 of 2;
    the class that nothing was learned of never is. One without videos in the
    test has no figures."""
    scores = scores_of(
        [0, 0, 0, 2, 1, 2, 2, 0, 1], [0, 0, 0, 0, 1, 1, 2, 3, -1]
    )
    training = {"many": 60, "more": 99, "few": 19, "unseen": 700}
    found = class_sizes.table(scores, training)
    assert found.records() == [
        {
            "training_videos": words,
            "classes": classes,
            "videos": videos,
            "top_1": pytest.approx(top_1),
            "mean_class_accuracy": pytest.approx(mean),
        }
        for words, classes, videos, top_1, mean in (
            ("0", 1, 1, 0, 0),
            ("5 to 19", 1, 1, 1, 1),
            ("20 to 99", 2, 6, 4 / 6, (3 / 4 + 1 / 2) / 2),
        )
    ]
    more = class_sizes.table(scores_of([4], [4]), training)
    assert more.rows == (("500 and more", 1, 1, 1.0, 1.0),)


def test_classes_of_several_labels():
    """Two frequent classes, one of which is found first, and a rare one that is
    behind another video."""
    labels = [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    chances = [[0.9, 0.8, 0.7, 0, 0], [0.8, 0.9, 0, 0, 0], [0.1, 0, 0.6, 0, 0]]
    chances = np.clip(chances, 0.01, 0.99)
    scores = Scores(
        range(3),
        np.log(chances / (1 - chances)),
        labels,
        CLASSES,
        {"multi_label": True},
    )
    found = class_sizes.table(scores, {"many": 60, "more": 99, "few": 19})
    # F1 of `many` 1, of `more` 2/3 (one of two predicted), as that of `few`.
    assert found.records() == [
        {
            "training_videos": words,
            "classes": classes,
            "videos": videos,
            "mean_average_precision": pytest.approx(precision),
            "mean_class_f1": pytest.approx(f1),
        }
        for words, classes, videos, precision, f1 in (
            ("5 to 19", 1, 1, 1 / 2, 2 / 3),
            ("20 to 99", 2, 3, (1 + 1 / 2) / 2, (1 + 2 / 3) / 2),
        )
    ]
    (*_, precision, _), remedy = class_sizes.shown(scores)
    assert precision == ("Mean average precision", "bar")
    assert "loss.kind=focal" in remedy


def test_where_nothing_is_known():
    assert class_sizes.table(scores_of([0], [0]), {}).rows == ()
    assert class_sizes.table(scores_of([0], [-1]), {"many": 3}).rows == ()
