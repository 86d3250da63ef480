import re
import types

import numpy as np
import pytest

from keras_vidrec.data.sources import frame_map
from keras_vidrec.specs import FrameSpec


def steady(rate, seconds=2, digits=9):
    return np.round(np.arange(round(rate * seconds)) / rate, digits)


def varying():
    """25 frames a second, then 10, then 60: 4 seconds."""
    return np.r_[
        np.arange(25) / 25, 1 + np.arange(10) / 10, 2 + np.arange(120) / 60
    ]


def test_all_frames_need_no_map():
    assert frame_map.frames_of(9) is None
    assert frame_map.frames_of(9, np.arange(9) / 25) is None


@pytest.mark.parametrize("digits", [9, 3])  # and rounded to milliseconds
@pytest.mark.parametrize("rate", [15, 30, 60, 30000 / 1001, 120])
def test_any_rate_shows_the_same_moments(rate, digits):
    times = steady(rate, 4, digits)
    frames = frame_map.frames_of(len(times), times, 15)
    assert len(frames) == 60
    wanted = np.arange(60) / 15
    # No frame is nearer, and so none is further than half a period.
    nearest = abs(times[None] - wanted[:, None]).min(1)
    np.testing.assert_allclose(abs(times[frames] - wanted), nearest, atol=1e-6)
    if rate in (15, 30, 60, 120):
        np.testing.assert_array_equal(frames, np.arange(60) * (rate // 15))


def test_a_variable_rate_becomes_steady():
    times = varying()
    frames = frame_map.frames_of(len(times), times, 20)
    assert len(frames) == 80
    assert abs(times[frames] - np.arange(80) / 20).max() <= 0.05 + 1e-6
    # Where frames come ten a second each is shown twice.
    slow = frames[(times[frames] > 1.05) & (times[frames] < 1.85)]
    assert (np.unique(slow, return_counts=True)[1] == 2).all()


def test_of_two_frames_as_near_the_earlier_one_is_taken():
    for noise in (-1e-9, 1e-9):
        times = np.arange(12) / 30 + noise * (np.arange(12) % 2)
        frames = frame_map.frames_of(12, times, 20)
        assert frames.tolist() == [0, 1, 3, 4, 6, 7, 9, 10]


def test_a_segment_has_the_frames_between_its_start_and_its_end():
    times = steady(10, 4)
    of = frame_map.frames_of
    assert of(40, times, segment=(1, 2, "seconds")).tolist() == [*range(10, 20)]
    assert of(40, None, segment=(3, 8, "frames")).tolist() == [3, 4, 5, 6, 7]
    assert of(40, times, segment=(3.75, None, "seconds")).tolist() == [38, 39]
    assert of(40, times, segment=(3.8, 99, "seconds")).tolist() == [38, 39]
    assert of(40, None, segment=(38, None, "frames")).tolist() == [38, 39]
    # Times are rounded: the frame of second 0.6 is in it.
    for rate in (59.96, 60.06):
        found = of(40, np.arange(40) / rate, segment=(0.6, 0.61, "seconds"))
        assert found.tolist() == [36]
    # By true time, not by number.
    slow = np.r_[np.arange(10) / 10, 1 + np.arange(5) / 2]
    assert of(15, slow, segment=(1, 2, "seconds")).tolist() == [10, 11]
    for start, end, unit in ((4, 5, "seconds"), (40, 50, "frames")):
        with pytest.raises(ValueError, match=f"{unit} {start} to {end}"):
            of(40, times, segment=(start, end, unit))
    with pytest.raises(ValueError, match="there is no frame in"):
        of(40, times, segment=(1.01, 1.09, "seconds"))


@pytest.mark.parametrize("segment", [(1, 3, "seconds"), (25, 55, "frames")])
def test_a_segment_at_a_rate_is_as_a_file_of_its_frames(segment):
    times = varying()
    part = frame_map.frames_of(len(times), times, None, segment)
    alone = frame_map.frames_of(len(part), times[part] - times[part[0]], 7)
    both = frame_map.frames_of(len(times), times, 7, segment)
    np.testing.assert_array_equal(both, part[alone])
    assert len(both) < len(part)


def test_short_files():
    assert frame_map.frames_of(1, np.zeros(1), 25).tolist() == [0]
    two = np.array([0, 0.5])
    # A quarter of a second is as near to the first.
    assert frame_map.frames_of(2, two, 4).tolist() == [0, 0, 1, 1]
    assert frame_map.frames_of(2, two, 0.1).tolist() == [0]


class Healths(dict):
    """Of files by name; those with a rate have times."""

    def times(self, file):
        rate = self[file].frame_rate
        return np.arange(self[file].num_frames) / (rate or 60_000)


def test_bob_makes_two_frames_of_each_and_absurd_times_are_unknown():
    def frames(file, segment, deinterlace=None, fps=None):
        frame = FrameSpec(fps=fps, deinterlace=deinterlace)
        return frame_map.frames_taken(healths, file, frame, segment)

    def health(rate, begins=0.0):
        return types.SimpleNamespace(
            num_frames=40, frame_rate=rate, begins=begins
        )

    healths = Healths(
        fields=health(50), absurd=health(None), late=health(50, 1.5)
    )
    assert frames("fields", None, "bob") is None
    by_number, by_time = (3, 5, "frames"), (0.12, 0.2, "seconds")
    for segment in (by_number, by_time):
        found = frames("fields", segment, "bob")
        assert found.tolist() == [6, 7, 8, 9]
    assert frames("fields", by_number, "yadif").tolist() == [3, 4]
    assert frames("fields", None, "yadif", 25).tolist() == [*range(0, 40, 2)]
    # A player shows the first picture at second 1.5.
    assert frames("late", (1.6, 1.7, "seconds")).tolist() == [5, 6, 7, 8, 9]
    assert frames("late", (1, 1.54, "seconds")).tolist() == [0, 1]
    assert frames("late", by_number).tolist() == [3, 4]
    assert frames("absurd", by_number).tolist() == [3, 4]
    with pytest.raises(ValueError, match="fps=25"):
        frames("absurd", None, None, 25)


@pytest.mark.parametrize(
    "arguments, received",
    [
        ({"fps": 12.5}, "fps=12.5"),
        ({"segment": (1, 2, "seconds")}, "seconds of a segment"),
    ],
)
def test_time_that_is_not_known_is_not_made_up(arguments, received):
    with pytest.raises(ValueError, match=re.escape(received)):
        frame_map.frames_of(9, None, **arguments)
