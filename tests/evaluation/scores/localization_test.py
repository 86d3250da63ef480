import numpy as np
import pytest

from keras_vidrec.evaluation.scores.localization import OVERLAPS
from keras_vidrec.evaluation.scores.localization import localization
from keras_vidrec.evaluation.segments import Segment


def overlap(a, b):
    """On a fine grid of time, not by the bounds."""
    grid = np.arange(0, 40, 0.01) + 0.005
    first = (a.start <= grid) & (grid < a.end)
    second = (b.start <= grid) & (grid < b.end)
    return (first & second).sum() / (first | second).sum()


def by_the_definition(truth, found, name, least):
    """The mean over the true segments: of the i-th the highest precision of a
    list that has i hits or more."""
    ranked = sorted(
        ((v, s) for v, some in found.items() for s in some if s.name == name),
        key=lambda pair: pair[1].score,
        reverse=True,
    )
    wanted = [(v, s) for v, some in truth.items() for s in some]
    wanted = [(v, s) for v, s in wanted if s.name == name]
    taken, hits = set(), []
    for video, segment in ranked:
        candidates = [
            (overlap(segment, true), i)
            for i, (where, true) in enumerate(wanted)
            if where == video and i not in taken
        ]
        best, i = max(candidates, default=(0.0, None))
        hits.append(best >= least)
        if best >= least:
            taken.add(i)
    precisions = []
    for i in range(1, len(wanted) + 1):
        reached = [
            sum(hits[: k + 1]) / (k + 1)
            for k in range(len(hits))
            if sum(hits[: k + 1]) >= i
        ]
        precisions.append(max(reached, default=0.0))
    return np.mean(precisions)


def draw(rng, videos, number):
    """Segments with bounds at hundredths, and scores that differ."""
    some = {video: [] for video in videos}
    for score in rng.permutation(number):
        start = rng.integers(0, 300) / 10
        some[rng.choice(videos)].append(
            Segment(
                str(rng.choice(["run", "jump", "sit"])),
                start,
                start + rng.integers(5, 90) / 10,
                (score + 1) / (number + 1),
            )
        )
    return some


@pytest.mark.parametrize("seed", range(3))
def test_as_by_the_definition(seed):
    rng = np.random.default_rng(seed)
    truth = draw(rng, ["a", "b", "c"], 20)
    found = draw(rng, ["a", "b", "c", "d"], 40)
    figures = localization(truth, found)
    assert figures.classes == ("jump", "run", "sit")
    for least, row in zip(OVERLAPS, figures.precisions, strict=True):
        for name, value in zip(figures.classes, row):
            # The grid of time cuts a thousandth off: no overlap is that near.
            expected = by_the_definition(truth, found, name, least - 1e-6)
            assert value == pytest.approx(expected, abs=1e-12)
    summary = figures.summary()
    assert summary["map@0.1"] > summary["map@0.7"]
    assert summary["map"] == pytest.approx(figures.precisions.mean())


def test_what_counts_and_what_does_not():
    run, late = Segment("run", 0, 10, 1.0), Segment("run", 20, 30, 1.0)
    truth = {"a": [run, late], "b": [Segment("sit", 0, 4, 1.0)]}

    def means(found):
        return localization(truth, found, (0.5,)).precisions[0]

    assert means({}).tolist() == [0, 0]
    whole = {"a": [run, late], "b": truth["b"]}
    assert means(whole).tolist() == [1, 1]
    # The same again is a false alarm; a class that nobody looks for is none.
    again = {"a": [run, run, Segment("run", 20, 30, 0.5)]}
    assert means(again).tolist() == [pytest.approx((1 + 2 / 3) / 2), 0]
    assert means({"a": [run, late, Segment("fly", 0, 9, 1.0)]})[0] == 1
    # Half is enough, in the right video.
    assert means({"a": [Segment("run", 0, 5, 1.0)]})[0] == 0.5
    assert means({"a": [Segment("run", 0, 4.9, 1.0)], "b": [run]})[0] == 0
    with pytest.raises(ValueError, match="segments in `truth`.* in 1 video"):
        localization({"a": []}, {})
