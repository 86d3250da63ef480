"""What is chosen by which figures, and what is said at the end."""

import json

import numpy as np
import pytest

from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.learning import choices
from keras_vidrec.learning import verdict
from keras_vidrec.learning.choices import Choice
from keras_vidrec.learning.choices import Figure
from keras_vidrec.learning.material import Material


def test_figures_are_clips_found_and_their_loss():
    scores = np.array([[2.0, 0.0, -np.inf], [1.0, 0.0, -np.inf]])
    figure = Figure.of_scores(scores, [0, 1])
    assert figure[:2] == (1, 2)
    expected = np.mean([np.log1p(np.exp(-2)), np.log1p(np.exp(1))])
    assert figure.loss == pytest.approx(expected)


def test_more_clips_win_then_the_smaller_loss_then_the_first():
    figures = {
        "a": Figure(5, 9, 0.9),
        "b": Figure(6, 9, 1.2),
        "c": Figure(6, 9, 0.7),
        "d": Figure(6, 9, 0.7),
    }
    assert Choice.best("x", "y", figures).chosen == "c"
    figures["a"] = Figure(5, 9, 0.6)
    assert Choice.best("x", "y", figures).chosen == "c"
    assert Choice.best("x", "y", figures, by_loss=True).chosen == "a"


def test_choices_are_kept_and_told(tmp_path):
    choice = Choice.best(
        "Network", "clips", {"a": Figure(1, 2, 0.5)}, {"b": "too few"}
    )
    choices.save([choice], tmp_path / "choices.json")
    (kept,) = json.loads((tmp_path / "choices.json").read_text())
    assert kept["chosen"] == "a" and kept["not_tried"] == {"b": "too few"}
    assert kept["candidates"] == {"a": {"right": 1, "of": 2, "loss": 0.5}}
    assert [line.split() for line in choice.lines()][1:] == [
        ["a", "1", "of", "2,", "loss", "0.50", "<-", "chosen"],
        ["b", "not", "tried:", "too", "few"],
    ]


@pytest.fixture
def material(tmp_path):
    """Four clips of each of two classes, two of which are held out."""
    catalog = Catalog(
        tmp_path,
        tuple(f"{i}.avi" for i in range(8)),
        (0, 0, 0, 0, 1, 1, 1, 1),
        ("a", "b", "c", "c", "d", "e", "f", "f"),
        ("run", "walk"),
        {1: Split((0, 1, 4, 5), (2, 3, 6, 7))},
    )
    kinds = {"run": (4, 3), "walk": (4, 3)}
    return Material(catalog, (0, 1, 4, 5), (), (2, 3, 6, 7), True, (), kinds)


def test_three_sentences(material):
    scores = Scores(
        videos=("2.avi", "3.avi", "6.avi", "7.avi"),
        scores=np.array([[1, 0], [1, 0], [1, 0], [0, 1]], "float32"),
        labels=[0, 0, 1, 1],
        classes=("run", "walk"),
        meta={},
    )
    sure, confused, more = verdict.sentences(material, scores, ())
    # Wilson's interval of 3 of 4.
    assert sure.startswith("It recognized 3 of 4 clips")
    assert "75 %; of many such clips it would recognize 30 to 95 %" in sure
    assert "among its 2 classes would give 50 %" in sure
    assert (
        "the clips are from only 2 recordings, so the true interval is wider"
        in sure
    )
    assert confused == "It confuses: walk taken for run (1 of 2)."
    assert "people of walk (4 clips of 3 recordings), run (" in more
    assert "takes about 385 held-out clips, here are 4." in more


def test_without_a_test_the_figure_of_the_choice_is_told(material):
    choice = Choice.best("x", "y", {"a": Figure(3, 4, 0.5)})
    sure, confused, _ = verdict.sentences(material, None, (choice,))
    assert "recognized 3 of 4 clips, 75 % (95 % interval 30 to 95 %)" in sure
    assert sure.endswith("a little too high.")
    assert "not known" in confused
    nothing = Choice("x", "y", {}, "")
    assert verdict.sentences(material, None, (nothing,))[0].startswith(
        "Its accuracy is not known"
    )
