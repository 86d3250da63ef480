import numpy as np
import pytest

from keras_vidrec.evaluation.scores.score_journal import ScoreJournal

SETTINGS = {"crops": "ten", "stride": None, "sizes": (1, 2)}
# No short decimal fraction.
SCORES = np.float32([1 / 3, -445.123456, 0])


def journal(path, settings=SETTINGS):
    return ScoreJournal(path / "scores" / ".test.journal", settings)


def test_scores_come_back_to_the_last_bit(tmp_path):
    with journal(tmp_path) as first:
        assert first.scores == {}
        first.add("a.avi", SCORES)
        first.add("b.avi", 2 * SCORES)
    with journal(tmp_path) as second:
        assert [*second.scores] == ["a.avi", "b.avi"]
        np.testing.assert_array_equal(second.scores["a.avi"], SCORES)
        assert second.scores["a.avi"].dtype == np.float32


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_short_is_dropped(tmp_path, cut):
    with journal(tmp_path) as first:
        first.add("a.avi", SCORES)
        first.add("b.avi", SCORES)
    (path,) = (tmp_path / "scores").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    with journal(tmp_path) as second:
        assert [*second.scores] == ["a.avi"]
        second.add("b.avi", SCORES)
    assert path.read_bytes() == content


def test_one_of_another_test_is_begun_anew(tmp_path):
    with journal(tmp_path) as first:
        first.add("a.avi", SCORES)
    with journal(tmp_path, {**SETTINGS, "crops": "center"}) as second:
        assert second.scores == {}
    with journal(tmp_path) as third:
        assert third.scores == {}


@pytest.mark.parametrize("content", [b"\n", b"[]\n", b"{}\n{}\n", b"\xff\n"])
def test_what_is_no_journal_is_begun_anew(tmp_path, content):
    with journal(tmp_path) as first:
        first.add("a.avi", SCORES)
    (path,) = (tmp_path / "scores").iterdir()
    path.write_bytes(content)
    with journal(tmp_path) as second:
        assert second.scores == {}
        second.add("b.avi", SCORES)
        second.remove()
    assert not path.exists()


def test_a_score_that_is_not_what_was_written(tmp_path):
    with journal(tmp_path) as first:
        first.add("a.avi", SCORES)
    (path,) = (tmp_path / "scores").iterdir()
    path.write_bytes(path.read_bytes().replace(b"0.0]", b"1.0]"))
    with journal(tmp_path) as second:
        assert second.scores == {}


def test_two_of_one_test_are_refused(tmp_path):
    with journal(tmp_path) as first:
        with pytest.raises(ValueError, match="/.test.journal is in use.*evalu"):
            journal(tmp_path)
        first.add("a.avi", SCORES)
    with journal(tmp_path) as second:
        assert [*second.scores] == ["a.avi"]
    assert [path.name for path in (tmp_path / "scores").iterdir()] == [
        ".test.journal"
    ]
