import warnings

import numpy as np
import pytest
import sklearn.metrics

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores

# Four classes; two videos of class 0, one of class 1, three of class 3.
LABELS = np.array([0, 0, 1, 3, 3, 3])
SCORES = np.array(
    [
        [5, 1, 2, 3],  # right
        [1, 4, 3, 2],  # last of four
        [0, 7, 0, 0],  # right
        [1, 2, 3, 4],  # right
        [9, 8, 7, 8.5],  # second
        [4, 4, 4, 4],  # all equal: last, as the last class
    ]
)


def brute_force(scores, labels, k):
    found = []
    for row, label in zip(scores.tolist(), labels.tolist()):
        if label >= 0:
            ranked = sorted(range(len(row)), key=lambda i: (-row[i], i))
            found.append(label in ranked[:k])
    return sum(found) / len(found)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 9])
def test_top_k_equals_brute_force(k):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (200, 6)).astype("float32")  # many ties
    labels = rng.integers(-1, 6, 200)  # some unknown
    expected = brute_force(scores, labels, k)
    assert metrics.top_k_accuracy(scores, labels, k) == pytest.approx(expected)


def test_figures_by_hand():
    assert metrics.top_k_accuracy(SCORES, LABELS) == 3 / 6
    assert metrics.top_k_accuracy(SCORES, LABELS, 2) == 4 / 6
    assert metrics.top_k_accuracy(SCORES, LABELS, 4) == 1
    accuracies = metrics.class_accuracies(SCORES, LABELS)
    np.testing.assert_allclose(accuracies, [1 / 2, 1, np.nan, 1 / 3])
    expected = (1 / 2 + 1 + 1 / 3) / 3  # the empty class does not count
    assert metrics.mean_class_accuracy(SCORES, LABELS) == pytest.approx(
        expected
    )


def test_unknown_labels_are_left_out():
    scores = np.concatenate([SCORES, SCORES])
    labels = np.concatenate([LABELS, np.full(6, -1)])
    for figure in (metrics.top_k_accuracy, metrics.mean_class_accuracy):
        assert figure(scores, labels) == figure(SCORES, LABELS)


def test_all_figures_agree_on_ties():
    scores = np.ones((3, 3))
    labels = np.arange(3)
    assert metrics.top_k_accuracy(scores, labels) == 1 / 3
    assert metrics.top_k_accuracy(scores, labels, 2) == 2 / 3
    assert metrics.class_accuracies(scores, labels).tolist() == [1, 0, 0]


@pytest.mark.parametrize("num_videos", [0, 3])
def test_without_a_known_label_there_is_no_figure(num_videos):
    scores, labels = np.zeros((num_videos, 2)), np.full(num_videos, -1)
    assert np.isnan(metrics.top_k_accuracy(scores, labels))
    assert np.isnan(metrics.class_accuracies(scores, labels)).all()
    assert np.isnan(metrics.mean_class_accuracy(scores, labels))
    assert np.isnan(metrics.accuracy_interval(scores, labels)).all()
    assert metrics.confusion_matrix(scores, labels).tolist() == [[0, 0]] * 2
    table = metrics.class_table(scores, labels)
    assert table.videos.tolist() == [0, 0]
    assert np.isnan([table.precisions, table.f1]).all()


def test_class_table_and_confusion_matrix_equal_counting():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 3, (300, 7)).astype("float32")  # many ties
    scores[:, 5] = -1  # a class that nobody finds
    labels = rng.integers(-1, 6, 300)  # some unknown; none of class 6
    counts = np.zeros((7, 7), int)
    for row, label in zip(scores.tolist(), labels.tolist()):
        if label >= 0:
            counts[label, row.index(max(row))] += 1
    matrix = metrics.confusion_matrix(scores, labels)
    np.testing.assert_array_equal(matrix, counts)
    table = metrics.class_table(scores, labels)
    with np.errstate(invalid="ignore"):
        recall = np.diag(counts) / counts.sum(axis=1)
        precision = np.diag(counts) / counts.sum(axis=0)
        both = counts.sum(axis=0) + counts.sum(axis=1)
        f1 = 2 * np.diag(counts) / both
    np.testing.assert_array_equal(table.videos, counts.sum(axis=1))
    np.testing.assert_allclose(table.accuracies, recall)
    np.testing.assert_allclose(table.precisions, precision)
    np.testing.assert_allclose(table.f1, f1)
    assert np.isnan(recall[6]) and np.isnan(precision[5])
    known = labels >= 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes without videos
        balanced = sklearn.metrics.balanced_accuracy_score(
            labels[known], scores[known].argmax(axis=1)
        )
    assert metrics.mean_class_accuracy(scores, labels) == pytest.approx(
        balanced
    )


def test_one_class_is_no_special_case():
    scores, labels = np.ones((3, 1)), np.array([0, 0, -1])
    assert metrics.mean_class_accuracy(scores, labels) == 1
    assert metrics.confusion_matrix(scores, labels).tolist() == [[2]]


@pytest.mark.parametrize("hits, videos", [(0, 4), (3, 4), (17, 40), (40, 40)])
def test_interval_of_the_accuracy(hits, videos):
    """Where the accuracy is as far from a share as the normal approximation
    allows that share to be off: Wilson's definition."""
    scores = np.eye(2)[(np.arange(videos + 5) >= hits).astype(int)]
    labels = np.array([0] * videos + [-1] * 5)
    for confidence, z in ((0.95, 1.959963985), (0.8, 1.281551566)):
        low, high = metrics.accuracy_interval(scores, labels, confidence)
        assert 0 <= low <= hits / videos <= high <= 1
        for end in (low, high):
            off = abs(hits / videos - end)
            assert off == pytest.approx(
                z * np.sqrt(end * (1 - end) / videos), abs=1e-8
            )


def test_summary():
    scores = Scores(
        "abcd",
        [[2, 1, 0], [2, 1, 0], [2, 1, 0], [0, 1, 2]],
        [0, 0, 1, 2],
        "xyz",
    )
    sure = np.exp(2) / np.exp([0, 1, 2]).sum()  # of all, 3 of which are right
    expected = {
        "top_1": 3 / 4,
        "mean_class_accuracy": 2 / 3,
        "calibration_error": 3 / 4 - sure,
    }
    # No accuracy that three classes cannot miss, unless it is asked for.
    assert metrics.summary(scores) == pytest.approx(expected)
    assert metrics.summary(scores, 1) == pytest.approx(expected)
    for k, top in ((2, 1), (3, 1)):
        assert metrics.summary(scores, k) == pytest.approx(
            {**expected, f"top_{k}": top}
        )
    for k in (4, 0, 1.5):
        with pytest.raises(ValueError, match=f"from 1 to 3, .*k={k}"):
            metrics.summary(scores, k)
    for number, names in ((5, 0), (6, 1)):
        many = Scores("a", [range(number)], [0], "uvwxyz"[:number])
        assert ("top_5" in metrics.summary(many)) == bool(names)
    unknown = Scores("a", [[1, 0]], [-1], "xy")
    assert set(metrics.summary(unknown)) == {"top_1", "mean_class_accuracy"}
