import numpy as np
import pytest

from keras_vidrec.videos.steady import steady


def taken(seconds, rate, longest=60.0):
    """Pairs of a number and the number of the frame that is shown there."""
    frames = zip(seconds, range(len(seconds)))
    return list(steady(frames, rate, longest))


@pytest.mark.parametrize("rate", [1, 24000 / 1001, 29.97, 60, 1000, 1 / 3600])
def test_a_steady_rate_passes_untouched(rate):
    exact = np.arange(500) / rate
    expected = [(t, t) for t in range(500)]
    assert taken(exact, rate) == expected
    if rate < 100:  # as Matroska has it, in milliseconds
        assert taken(np.round(exact, 3), rate) == expected


@pytest.mark.parametrize("own", [8, 15, 29.97, 60])
@pytest.mark.parametrize("rate", [5, 12.5, 25, 120])
def test_the_nearest_in_time_is_taken(own, rate):
    rng = np.random.default_rng(0)
    steps = rng.uniform(0.5, 1.5, 100) / own
    seconds = np.r_[0, np.cumsum(steps)]
    found = taken(seconds, rate)
    assert [index for index, _ in found] == list(range(len(found)))
    wanted = np.arange(len(found)) / rate
    distances = abs(wanted[:, None] - seconds)
    chosen = distances[range(len(found)), [frame for _, frame in found]]
    np.testing.assert_allclose(chosen, distances.min(1), atol=2e-6)
    # As long as the video, the last frame lasting as the one before it.
    end = seconds[-1] + steps[-1]
    assert abs(len(found) / rate - end) <= 0.5 / rate + 0.5 / own + 1e-6


def test_what_is_between_parts_is_left_out():
    seconds = [0, 1, 2, 2.5, 9.2, 10.2]
    found = taken(seconds, 1.0, longest=5.0)
    assert found == [(0, 0), (1, 1), (2, 2), (9, 4), (10, 5)]
    # A few periods are no leap, however long one is.
    assert len(taken([0, 3.9], 1.0, longest=0.1)) == 8
    assert [index for index, _ in taken([0, 4.1], 1.0, 0.1)] == [0, 4, 5, 6, 7]


def test_one_frame_and_none():
    assert taken([0.0], 25) == [(0, 0)]
    assert taken([], 25) == []
