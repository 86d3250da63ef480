from keras_vidrec.data import imbalance
from tests.data.memory_source import MemorySource


def test_counts_of_some_videos():
    source = MemorySource()
    source.classes = ("even", "odd", "neither")
    assert imbalance.counts(source, [0, 2, 4, 5]) == {
        "even": 3,
        "odd": 1,
        "neither": 0,
    }
    source.labels = ((0,), (), (0, 1), (2,))
    assert imbalance.counts(source, [0, 1, 2]) == {
        "even": 2,
        "odd": 1,
        "neither": 0,
    }


def test_more_than_ten_times_as_many_are_told():
    counts = {"walk": 44, "none": 0, "run": 20, "fall": 4}
    assert imbalance.remarks(counts, "videos", "More help.") == (
        "Class 'walk' has 44 videos, class 'fall' 4: the rare class will be "
        "recognized less often. More help.",
    )
    for few in ({**counts, "walk": 40}, {"none": 0}, {}):
        assert imbalance.remarks(few, "videos", "More help.") == ()
