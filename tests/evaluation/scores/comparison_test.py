import csv
import math

import numpy as np
import pytest

from keras_vidrec.evaluation.scores.comparison import compare
from keras_vidrec.evaluation.scores.score_file import Scores

CLASSES = ("jump", "run", "swim")


def scores(taken_for, labels, videos=None):
    """Scores of videos that are taken for these classes."""
    return Scores(
        videos or tuple(f"v{i}" for i in range(len(labels))),
        np.eye(len(CLASSES), dtype="float32")[list(taken_for)],
        list(labels),
        CLASSES,
    )


def counted(both, lost, gained, neither):
    """Two networks that agree and differ in so many videos."""
    first = [0] * both + [0] * lost + [1] * gained + [1] * neither
    second = [0] * both + [1] * lost + [0] * gained + [1] * neither
    labels = [0] * len(first)
    return compare(scores(first, labels), scores(second, labels))


def test_by_hand(tmp_path):
    labels = [0, 0, 0, 0, 1, 1, -1]
    first = scores([0, 0, 1, 1, 1, 0, 0], labels)
    second = scores([0, 1, 0, 0, 0, 0, 0], labels)
    compared = compare(first, second)
    assert compared.accuracies == (3 / 6, 3 / 6)
    assert (compared.both, compared.gained, compared.lost) == (1, 2, 2)
    assert compared.neither == 1 and compared.videos == 6
    assert compared.difference == 0 and compared.p_value == 1
    assert [(c.name, c.videos, c.gained, c.lost) for c in compared.classes] == [
        ("jump", 4, 2, 1),
        ("run", 2, 0, 1),
        ("swim", 0, 0, 0),
    ]
    assert compared.classes[0].accuracies == (2 / 4, 3 / 4)
    compared.save(tmp_path / "new" / "classes.csv")
    with open(tmp_path / "new" / "classes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list(CLASSES)
    assert float(rows[0]["difference"]) == 0.25
    assert (rows[1]["accuracy_a"], rows[1]["lost"]) == ("0.500000", "1")
    assert rows[2]["accuracy_a"] == rows[2]["difference"] == ""


@pytest.mark.parametrize(
    "gained, lost", [(0, 0), (0, 5), (5, 0), (9, 2), (7, 7), (40, 61)]
)
def test_exact_test_counts_coins(gained, lost):
    """How likely a fair coin falls at least so unevenly."""
    number = gained + lost
    ways = sum(
        math.comb(number, heads)
        for heads in range(number + 1)
        if abs(2 * heads - number) >= abs(gained - lost)
    )
    compared = counted(3, lost, gained, 2)
    assert compared.p_value == pytest.approx(ways / 2**number)
    assert compared.difference == pytest.approx((gained - lost) / (5 + number))


@pytest.mark.parametrize(
    "counts, interval",
    [
        # Newcombe, 1998, table II, method 10.
        ((36, 2, 12, 0), (0.0569, 0.3404)),
        ((20, 2, 12, 16), (0.0562, 0.3292)),
    ],
)
def test_published_intervals(counts, interval):
    assert counted(*counts).interval == pytest.approx(interval, abs=5e-5)
    both, lost, gained, neither = counts
    assert counted(both, gained, lost, neither).interval == pytest.approx(
        (-interval[1], -interval[0]), abs=5e-5
    )


def test_interval_holds_the_difference_as_often_as_it_says():
    """Exactly, over all outcomes of twelve videos."""
    shares = {"both": 0.6, "lost": 0.1, "gained": 0.15, "neither": 0.15}
    held = 0
    for both in range(13):
        for lost in range(13 - both):
            for gained in range(13 - both - lost):
                counts = (both, lost, gained, 12 - both - lost - gained)
                low, high = counted(*counts).interval
                if low <= 0.05 <= high:
                    ways = math.factorial(12) / math.prod(
                        map(math.factorial, counts)
                    )
                    held += ways * math.prod(
                        share**count
                        for share, count in zip(shares.values(), counts)
                    )
    assert 0.94 <= held <= 0.99


def test_no_difference_among_few_videos_is_not_certainty():
    compared = counted(3, 0, 0, 0)
    low, high = compared.interval
    assert compared.difference == 0 and compared.p_value == 1
    assert -0.9 < low < -0.4 and 0.4 < high < 0.9


def test_only_videos_of_both_with_a_class():
    first = scores([0, 1, 2], [0, 1, -1], ("a", "b", "c"))
    second = scores([0, 0, 2, 1], [-1, 1, 2, 1], ("a", "b", "c", "d"))
    compared = compare(first, second)
    assert compared.videos == 3 and compared.left_out == ((), ("d",))
    assert (compared.both, compared.lost) == (2, 1)
    unknown = scores([0, 1, 2], [-1, -1, -1], ("a", "b", "c"))
    with pytest.raises(ValueError, match="class is known. Received: 3 videos"):
        compare(unknown, unknown)
    with pytest.raises(ValueError, match="'run' for 'a' in B, 'jump' before"):
        compare(first, scores([0], [1], ("a",)), names=("A", "B"))
