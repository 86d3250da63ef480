"""Against sums over single videos, and SciPy's minimum of the
cross-entropy."""

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from keras_vidrec.evaluation.scores import calibration
from keras_vidrec.evaluation.scores import fusion
from keras_vidrec.evaluation.scores.score_file import Scores

CLASSES = ("jump", "run", "walk", "sit")


def made(number=500, scale=1.0, seed=0, **meta):
    """Scores whose softmax at temperature `scale` are the chances that the
    labels were drawn by."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (number, 4))
    chances = scipy.special.softmax(logits, axis=1)
    labels = [rng.choice(4, p=chance) for chance in chances]
    videos = [f"video{i}" for i in range(number)]
    return Scores(videos, scale * logits, labels, CLASSES, meta)


def test_the_error_of_each_bin_by_hand():
    scores = made(60, scale=3)
    total, seen = 0.0, 0
    chances = scipy.special.softmax(scores.scores, axis=1)
    found = calibration.reliability(scores)
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = [
            i for i, chance in enumerate(chances) if low < max(chance) <= high
        ]
        assert found.videos[number] == len(inside)
        assert (found.low[number], found.high[number]) == (low, high)
        seen += len(inside)
        if not inside:
            assert math.isnan(found.accuracies[number])
            continue
        sure = np.mean([max(chances[i]) for i in inside])
        right = np.mean(
            [chances[i].argmax() == scores.labels[i] for i in inside]
        )
        assert found.probabilities[number] == pytest.approx(sure)
        assert found.accuracies[number] == pytest.approx(right)
        total += len(inside) * abs(sure - right)
    assert seen == 60
    assert found.error == calibration.error(scores)
    assert found.error == pytest.approx(total / 60)


def test_certainties_and_edges():
    """Probabilities of 1 and on an edge are in the bin below; what is unknown
    is left out."""
    scores = Scores(
        "abc", [[0.6, 0.4], [1, 0], [0.2, 0.8]], [0, 1, -1], "xy",
        {"softmax": True},
    )  # fmt: skip
    found = calibration.reliability(scores)
    assert found.videos.sum() == 2
    assert found.videos[8] == found.videos[14] == 1
    assert found.error == pytest.approx((0.4 + 1) / 2)


def test_a_temperature_is_that_of_the_scores():
    """Of those that were drawn at 2.5, and of all that were multiplied."""
    scores = made(4000, scale=2.5)
    found = calibration.fit_temperature(scores.scores, scores.labels)
    assert found == pytest.approx(2.5, rel=0.1)
    again = calibration.fit_temperature(scores.scores * 0.125, scores.labels)
    assert again == pytest.approx(found / 8, rel=1e-5)
    before = calibration.error(scores)
    after = calibration.error(made(4000, scale=2.5, temperature=found))
    assert before > 0.1 and after < 0.03


@pytest.mark.parametrize("scale", [0.3, 1, 5])
def test_the_minimum_of_the_cross_entropy_by_scipy(scale):
    scores = made(200, scale, seed=4)
    labels = np.where(np.arange(200) < 3, -1, scores.labels)

    def loss(temperature):
        log = scipy.special.log_softmax(scores.scores / temperature, axis=1)
        return -np.mean(log[range(3, 200), labels[3:]])

    expected = scipy.optimize.minimize_scalar(
        loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9}
    )
    found = calibration.fit_temperature(scores.scores, labels)
    assert found == pytest.approx(expected.x, rel=1e-4)
    # Unlike scores in float32, it is the same to the last bit each time.
    assert found == calibration.fit_temperature(scores.scores, labels)


def test_what_no_temperature_can_be_fitted_on():
    right = np.array([[3.0, 1], [0, 2], [1, 0]])
    for scores, labels, message in (
        (right, [0, 1, 0], "all of them are recognized"),
        (right, [1, 0, 1], "no better than by chance"),
        (np.zeros((3, 2)), [0, 1, 0], "all of them are|by chance"),
        (right, [-1, -1, -1], "no video has a known class"),
    ):
        with pytest.raises(ValueError, match=message):
            calibration.fit_temperature(scores, labels)


def test_what_fused_scores_stand_for():
    one, other = made(50), made(50, scale=3)
    other = Scores(one.videos, other.scores, one.labels, CLASSES)
    logits = fusion.fuse([one, other])
    assert calibration.error(logits) == pytest.approx(
        calibration.error(
            Scores(one.videos, logits.scores, one.labels, CLASSES)
        )
    )
    chances = fusion.fuse([one, other], softmax=True)
    found = calibration.probabilities(chances)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found, chances.scores)
    normed = fusion.fuse([one, other], normalize="l2")
    assert calibration.reliability(normed) is None
    assert math.isnan(calibration.error(normed))
    unknown = Scores("ab", [[0, 1], [1, 0]], [-1, -1], "xy")
    assert calibration.reliability(unknown) is None


@pytest.mark.parametrize("value", ["2", None, True, 0, -1])
def test_a_temperature_of_strangers_that_is_none(value):
    assert calibration.temperature_of(made(1, temperature=value)) == 1
