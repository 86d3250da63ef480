import itertools

import numpy as np
import pytest

from keras_vidrec.flow.tvl1 import flow as tvl1
from keras_vidrec.flow.tvl1.stream import programs
from tests.flow.tvl1.flow_test import SMALL
from tests.flow.tvl1.flow_test import flow_of
from tests.flow.tvl1.flow_test import moved
from tests.flow.tvl1.flow_test import texture

PARAMETERS = tvl1.Parameters(**SMALL)
# Every level is compiled for every number of lanes: one lane has one level.
ONE_LANE = {"lanes": 1, "parameters": tvl1.Parameters(**{**SMALL, "scales": 1})}

# Unlike pictures: like a scene cut, they come to rest at no warp.
CUT = (texture(20)[4:-4, 4:-4], texture(21)[4:-4, 4:-4])
PAIRS = {
    "cut": CUT,
    "right": moved(22, 2, 0),
    "down": moved(23, 0, 1),
    "still": (CUT[0], CUT[0]),
    "another cut": CUT[::-1],
    "back": moved(24, -1, -1),
    "up": moved(25, 0, -2),
}


def streamed(keys, **settings):
    keys = list(keys)
    pairs = ((key, *PAIRS[key]) for key in keys)
    flows = list(tvl1.stream(pairs, parameters=PARAMETERS, **settings))
    assert sorted(key for key, _ in flows) == sorted(keys)
    return dict(flows)


@pytest.mark.large_on_jax
def test_both_drivers_agree():
    flows = streamed(PAIRS, lanes=3)
    for key, pair in PAIRS.items():
        flow = flows[key]
        other, _ = flow_of([pair, pair], **SMALL)
        assert flow.dtype == np.float32
        np.testing.assert_allclose(flow, other, atol=0.05)
        assert np.abs(flow - other).mean() < 1e-3


def test_flow_is_the_same_in_any_company():
    flows = streamed(PAIRS, lanes=3)
    backwards = streamed(reversed(list(PAIRS)), lanes=3)
    alone = {key: streamed([key], lanes=3)[key] for key in PAIRS}
    for key, flow in flows.items():
        np.testing.assert_array_equal(flow, backwards[key])
        np.testing.assert_array_equal(flow, alone[key])


def test_a_cut_does_not_hold_the_others():
    pairs = [("cut", *CUT)] + [(i, *PAIRS["still"]) for i in range(12)]
    order = [
        key for key, _ in tvl1.stream(pairs, lanes=3, parameters=PARAMETERS)
    ]
    assert order.index("cut") >= 6


@pytest.mark.parametrize(
    "settings", [ONE_LANE, {"lanes": 3, "parameters": PARAMETERS}]
)
def test_pairs_are_taken_when_needed(settings):
    taken = itertools.count()
    last = 0

    def endless():
        nonlocal last
        for last in taken:
            yield last, *PAIRS["down"]

    flows = tvl1.stream(endless(), **settings)
    bound = 2 * settings["lanes"] * settings["parameters"].scales
    for done in range(1, 30):
        next(flows)
        assert last + 1 - done < bound


def test_one_lane_keeps_the_order():
    keys = [key for key, _ in tvl1.stream(_items(), **ONE_LANE)]
    assert keys == list(PAIRS)


def _items():
    return ((key, *pair) for key, pair in PAIRS.items())


def test_programs_are_kept_within_bounds():
    misses = programs.cache_info().misses
    for _ in range(2):
        list(tvl1.stream(_items(), **ONE_LANE))
    assert programs.cache_info().misses - misses <= 1
    assert programs.cache_info().maxsize


def test_nothing_to_do():
    assert list(tvl1.stream([])) == []


@pytest.mark.parametrize("lanes", [0, 1.5])
def test_bad_lanes(lanes):
    with pytest.raises(ValueError, match=f"`lanes`.*lanes={lanes}"):
        tvl1.stream([], lanes=lanes)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((28, 37), "uint8"),
        np.zeros((28, 36), "float32"),
        np.zeros((28, 36, 1), "uint8"),
    ],
)
def test_bad_images(image):
    pairs = [("good", *PAIRS["still"]), ("odd", image, image)]
    with pytest.raises(ValueError, match="one size.*'odd'"):
        list(tvl1.stream(pairs, **ONE_LANE))
