import numpy as np
import pytest

from keras_vidrec.data import healths
from keras_vidrec.data.sources import frame_map
from keras_vidrec.data.sources.source import Source
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.health import Health

SOUND = {
    "num_frames": 50,
    "frames_stated": 50,
    "damaged": 0,
    "lost_at_end": 0,
    "codec": "h264",
    "height": 48,
    "width": 64,
    "frame_rate": 25.0,
    "variable_rate": False,
    "interlaced": False,
    "hdr": None,
    "rotation": 0,
    "decoder": "PyAV",
}


class Known(Source):
    """Videos of given `Health`, or that cannot be read."""

    def __init__(self, *found):
        self.videos = tuple(f"clip {i}" for i in range(len(found)))
        self.files = tuple(f"file {i // 2}" for i in range(len(found)))
        self._healths = [
            None if health is None else Health(**{**SOUND, **health})
            for health in found
        ]

    def health(self, index):
        health = self._healths[index]
        if health is None:
            raise VideoError(self.videos[index], "it is gone")
        return health


def remarks(*found, fps=None):
    source = Known(*found)
    seen = healths.look(source, range(len(found)))
    return healths.remarks(source, seen, FrameSpec(fps=fps))


@pytest.mark.parametrize(
    "odd, told",
    [
        ({"damaged": 4}, "damaged or lost frames, at most 10%"),
        ({"interlaced": True}, "interlaced"),
        ({"variable_rate": True}, "variable"),
        ({"frame_rate": None}, "no usable time stamps"),
        ({"hdr": "pq"}, "high dynamic range"),
        ({"rotation": 90}, "upright"),
        ({"pixel_aspect": 1.5}, "non-square"),
        ({"frame_rate": 50.0}, "25 (1 video), 50 (1 video)"),
    ],
)
def test_a_line_for_each_kind_of_file(odd, told):
    """Once for a file, however many clips it has."""
    assert remarks({}, {}, {"frame_rate": 25.1}) == []
    (line,) = remarks({}, {}, odd, odd)
    assert told in line
    if "frame_rate" not in odd:
        assert line.endswith("'file 1'.")


def test_rates_are_one_where_frames_are_taken_by_time():
    (line,) = remarks({}, {}, {"frame_rate": 50.0}, fps=30)
    assert line.endswith("whose frames are therefore repeated: 'file 0'.")
    assert remarks({}, {}, {"frame_rate": 50.0}, fps=25) == []


def test_few_damaged_clips_are_named():
    lost = {"num_frames": 25, "lost_at_end": 25}
    source = Known({}, None, {"damaged": 5}, *([lost] * 7))
    seen = healths.look(source, range(10))
    assert list(seen) == [0, *range(2, 10)]
    damaged = healths.damaged(source, seen)
    assert list(damaged) == [*range(3, 10)]  # over a tenth
    lines = healths.named(source, damaged)
    assert len(lines) == 6 and lines[-1] == "and 2 more"
    assert lines[0] == (
        "clip 3: 50% of its frames are lost: of the 50 frames that it states, "
        "the last 25 are cut off"
    )
    report = healths.report(source)
    assert report[0] == "Damaged clips, excluded from training: 7."
    assert len(report) == 8 and "file 1" in report[-1]


@pytest.mark.parametrize(
    "health, segment, share",
    [
        ({"damaged": 5}, None, 0.1),
        ({"damaged": 5}, (0, 1, "seconds"), 0.1),
        # Ends are rounded: nothing is lost of a sound file.
        ({}, (1.9, 2.4, "seconds"), 0),
        ({"lost_at_end": 25}, None, 1 / 3),
        ({"lost_at_end": 25}, (0, 2, "seconds"), 0),
        ({"lost_at_end": 25}, (1, 3, "seconds"), 0.5),
        ({"lost_at_end": 25}, (1.5, None, "seconds"), 2 / 3),
        ({"lost_at_end": 25}, (25, 75, "frames"), 0.5),
        ({"lost_at_end": 25}, (60, 75, "frames"), 1),
    ],
)
def test_a_segment_has_lost_what_is_cut_off_of_it(health, segment, share):
    class Healths(dict):
        def times(self, file):
            return np.arange(self[file].num_frames) / 25

    found = Healths(a=Health(**{**SOUND, **health}))
    lost = frame_map.lost_share(found, "a", None, segment)
    assert lost == pytest.approx(share)
