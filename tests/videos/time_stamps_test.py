"""What presentation time stamps say."""

import types

import pytest

from keras_vidrec.videos import time_stamps


def test_the_usual_rate_of_stamps_that_are_rounded():
    """30 frames a second in milliseconds, a third of them left out."""
    numbers = [*range(60), *range(60, 120, 10), *range(120, 180)]
    stamps = [round(1000 * number / 30) for number in numbers]
    clock = types.SimpleNamespace(keeps_time=True, tick=0.001)
    times = time_stamps.FrameTimes.of(stamps, stamps, clock)
    assert times.variable is True
    assert times.rate == pytest.approx(30, rel=1e-3)
    assert times.seconds[-1] == pytest.approx(179 / 30, abs=1e-3)


def test_a_rate_in_between_is_the_middle_one():
    stamps = [0, 20, 80]
    clock = types.SimpleNamespace(keeps_time=True, tick=0.001)
    times = time_stamps.FrameTimes.of(stamps, stamps, clock)
    assert times.variable is True and times.rate == pytest.approx(25)
