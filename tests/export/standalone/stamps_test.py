"""Times and rates of the file alone are those of the package."""

import fractions
import types

import numpy as np
import pytest

from keras_vidrec.data.sources import frame_map
from keras_vidrec.export.standalone import stamps
from keras_vidrec.videos import time_stamps


def a_file(rate, flags=0):
    container = types.SimpleNamespace(
        format=types.SimpleNamespace(flags=flags, name="any"), start_time=None
    )
    stream = types.SimpleNamespace(
        time_base=fractions.Fraction(1, 1000),
        average_rate=rate,
        guessed_rate=None,
    )
    return container, stream


def drawn_stamps(rng):
    """Time stamps as files have them: steady, varying, rounded, missing,
    going back, or absurd."""
    number = int(rng.integers(1, 30))
    step = rng.choice([40, 33.37, 0.2, 500])
    found = np.arange(number) * step + rng.integers(-50, 50)
    found += rng.integers(0, 2) * rng.integers(0, 30, number)
    if rng.random() < 0.2 and number > 4:
        found[number // 2 :] -= 3000
    found = np.round(found).astype(int).tolist()
    missing = rng.choice([0, 0.1, 1])
    tail = int(rng.integers(0, 4))
    return [
        None
        if rng.random() < missing or (tail and i >= number - tail)
        else stamp
        for i, stamp in enumerate(found)
    ]


def times_of_the_package(shown, stored, container, stream):
    clock = time_stamps.Clock(container, stream)
    found = time_stamps.FrameTimes.of(shown, stored, clock)
    if found.rate is None and len(shown) > 1:
        return None
    return found.seconds


def test_any_stamps_give_the_same_seconds_and_frames():
    rng = np.random.default_rng(0)
    kinds = set()
    for _ in range(400):
        shown, stored = drawn_stamps(rng), drawn_stamps(rng)
        stored = (stored + [None] * 30)[: len(shown)]
        file = a_file(rng.choice([None, fractions.Fraction(25)]))
        expected = times_of_the_package(shown, stored, *file)
        found = stamps.times_of(shown, stored, *file)
        kinds.add(expected is None)
        if expected is None:
            assert found is None
            continue
        np.testing.assert_array_equal(found, expected)
        fps = rng.choice([3.0, 12.5, 25, 60])
        np.testing.assert_array_equal(
            stamps.at_rate(found, fps),
            frame_map.frames_of(len(found), expected, fps),
        )
    assert kinds == {True, False}


@pytest.mark.parametrize("count", [1, 2])
def test_containers_without_times(count):
    flags = stamps.av.format.Flags.no_timestamps.value
    shown = list(range(0, 40 * count, 40))
    assert stamps.times_of(shown, shown, *a_file(None, flags)) is None
