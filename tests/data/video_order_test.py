import collections

import numpy as np
import pytest

from keras_vidrec.data import pipeline
from keras_vidrec.data.video_order import VideoOrder
from keras_vidrec.data.video_order import shares
from keras_vidrec.specs import ClipSpec
from tests.data.memory_source import MemorySource

# Of 60 videos in any order, those of a split: 30, 9, 4 and 1 of a class, and
# none of class 2.
LABELS = np.random.default_rng(0).permutation(
    np.repeat([0, 1, 2, 3, 4], [30, 9, 16, 4, 1])
)
SPLIT = np.flatnonzero(LABELS != 2)
COUNTS = {0: 30, 1: 9, 3: 4, 4: 1}


def epochs(sampling, number=12, seed=3):
    order = VideoOrder(SPLIT, LABELS, seed, sampling)
    return [order(epoch).tolist() for epoch in range(number)]


@pytest.mark.parametrize("sampling", ["natural", "sqrt", "balanced"])
def test_each_class_has_its_share_of_an_epoch(sampling):
    power = {"natural": 1, "sqrt": 1 / 2, "balanced": 0}[sampling]
    weights = {label: count**power for label, count in COUNTS.items()}
    total = sum(weights.values())
    for videos in epochs(sampling):
        assert len(videos) == len(SPLIT)
        drawn = collections.Counter(LABELS[videos].tolist())
        assert drawn.keys() == COUNTS.keys()
        for label, weight in weights.items():
            assert abs(drawn[label] - len(SPLIT) * weight / total) < 1
    wanted = shares([30, 9, 0, 4, 1], sampling)
    np.testing.assert_allclose(
        wanted, [weights.get(label, 0) / total for label in range(5)]
    )


def test_a_class_goes_round_its_videos_from_epoch_to_epoch():
    """Of the frequent class an epoch shows a third, three epochs all of it;
    and over many epochs the draws that are over are for all classes."""
    videos = sum(epochs("balanced"), [])
    drawn = collections.Counter(videos)
    for label in COUNTS:
        times = [drawn[v] for v in SPLIT if LABELS[v] == label]
        assert max(times) - min(times) <= 1
    # 44 draws an epoch of 4 classes.
    assert collections.Counter(LABELS[videos].tolist()) == dict.fromkeys(
        COUNTS, 11 * 12
    )
    odd = VideoOrder(SPLIT[:43], LABELS, 0, "balanced")
    drawn = collections.Counter(
        LABELS[[v for epoch in range(4) for v in odd(epoch)]].tolist()
    )
    assert len(set(drawn.values())) == 1


def test_a_function_of_seed_and_epoch():
    whole = epochs("balanced")
    order = VideoOrder(SPLIT, LABELS, 3, "balanced")
    assert [order(epoch).tolist() for epoch in (11, 0, 5)] == [
        whole[11],
        whole[0],
        whole[5],
    ]
    assert whole != epochs("balanced", seed=4)
    assert len({tuple(videos) for videos in whole}) == len(whole)


def test_batches_of_workers_that_begin_anywhere():
    """A rare class comes several times an epoch, each time with other crops;
    what an interrupted training goes on with is what it would have seen."""
    source = MemorySource()
    split = [0, 2, 4, 6, 7]  # even ones are of one class, odd of the other

    def stream(**arguments):
        clips = pipeline.make(
            source,
            ClipSpec(size=16),
            split,
            training=True,
            batch_size=2,
            seed=1,
            sampling="balanced",
            **arguments,
        )
        return [*clips.take(9).as_numpy_iterator()]

    whole = stream()
    labels = np.concatenate([labels for _, labels in whole])
    # 5 draws an epoch, and one that fills the last batch.
    for epoch in range(3):
        own = labels[6 * epoch : 6 * epoch + 5]
        assert sorted([np.sum(own == 0), np.sum(own == 1)]) == [2, 3]
    for batch, (clips, labels) in enumerate(stream(initial_epoch=1)[:6]):
        np.testing.assert_array_equal(clips, whole[3 + batch][0])
        np.testing.assert_array_equal(labels, whole[3 + batch][1])
    begun = stream(initial_epoch=1, initial_step=2, shard=(1, 2))
    for batch, (clips, _) in enumerate(begun[:4]):
        np.testing.assert_array_equal(clips, whole[5 + batch][0][1:])


def test_invalid_samplings():
    with pytest.raises(ValueError, match="`sampling`. Expected one of"):
        VideoOrder(SPLIT, LABELS, 0, "even")
    several = [(label,) for label in LABELS.tolist()]
    with pytest.raises(ValueError, match="may have several classes"):
        VideoOrder(SPLIT, several, 0, "sqrt")
    assert sorted(VideoOrder(SPLIT, several, 0)(0)) == SPLIT.tolist()
