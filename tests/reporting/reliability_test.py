from xml.etree import ElementTree

import pytest

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reporting import reliability


def sure(*shares, labels, **meta):
    """Scores of two classes, the first one of these probabilities."""
    values = [[share, 1 - share] for share in shares]
    meta = {"softmax": True, **meta}
    return Scores(range(len(shares)), values, labels, "xy", meta)


def test_the_bins_that_have_videos():
    scores = sure(0.81, 0.83, 0.85, 0.06, labels=[0, 0, 1, 1])
    found = reliability.table(scores)
    assert [row["videos"] for row in found.records()] == [3, 1]
    first, second = found.records()
    assert (first["from"], first["to"]) == (12 / 15, 13 / 15)
    assert first["mean_probability"] == pytest.approx(0.83)
    assert first["accuracy"] == pytest.approx(2 / 3)
    assert second["mean_probability"] == pytest.approx(0.94)
    picture = reliability.draw(found)
    root = ElementTree.fromstring(picture)
    assert root.tag == "svg" and "var(--hit)" in picture
    said = root.get("aria-label")
    assert "3 videos at 83 % right in 67 %, 1 video at 94 %" in said


def test_a_temperature_is_told():
    plain = sure(0.8, labels=[0])
    assert "vidrec evaluate RUN --calibrate" in reliability.note(plain)
    warm = sure(0.8, labels=[0], temperature=1.5)
    assert "temperature 1.5." in reliability.note(warm)


def test_scores_without_probabilities():
    assert not reliability.table(sure(0.8, labels=[0], normalize="l2")).rows
    assert not reliability.table(sure(0.8, labels=[-1])).rows
