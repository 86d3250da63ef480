import numpy as np
import pytest

from keras_vidrec.evaluation import metrics

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
